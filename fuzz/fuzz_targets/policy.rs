//! Policies: a text is refused with a place in it, or it is a policy that says the same each time it is asked.
#![no_main]

use libfuzzer_sys::fuzz_target;
use longshore_auth::{Access, Circumstances, Permission, Principal, Question, SystemRole, Target};
use longshore_policy::Policy;
use longshore_types::{ProjectName, RepositoryName, Timestamp};

fuzz_target!(|text: &str| {
    let policy = match Policy::check(text) {
        Ok(policy) => policy,
        Err(problems) => {
            let lines: Vec<_> = text.split('\n').collect();
            for problem in problems.iter() {
                assert!((1..=lines.len()).contains(&problem.line), "{problem}");
                assert!(problem.column >= 1 && problem.column <= lines[problem.line - 1].chars().count() + 1);
            }
            return;
        }
    };
    let project: ProjectName = "team".parse().expect("a name");
    let repository: RepositoryName = "team/app".parse().expect("a name");
    let principal = Principal::User { id: 1, name: "ann".into(), system_role: SystemRole::None };
    let access = Access { principal, ..Access::anonymous() };
    let circumstances = Circumstances {
        address: Some([10, 0, 0, 1].into()),
        tag: Some("dev-1".parse().expect("a tag")),
        ..Circumstances::at(Timestamp::from_unix_millis(1_800_000_000_000))
    };
    let question = Question {
        access: &access,
        target: Target::repository(&project, false, &repository),
        permission: Permission::REPOSITORY_PUSH,
        circumstances: &circumstances,
    };
    let answer = policy.answer(&question);
    assert_eq!(policy.agrees(&question), answer.agrees);
    // What was good when it was saved is understood when it is read.
    let read = Policy::read(text).expect("what is checked is read");
    assert_eq!(read.answer(&question), answer);
    assert!(answer.errors.is_empty() || !answer.agrees);
});
