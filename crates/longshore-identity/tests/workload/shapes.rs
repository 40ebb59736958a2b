//! Tokens as the best-known issuers make them, and the rules that fit them.

use longshore_testkit::TokenSigner;
use serde_json::{Value, json};

use crate::support::{Offline, merge, rule};

/// Verifies a token with these claims and asks rules about it.
async fn check(issuer: &str, claims: Value, trusted: &[&[(&str, &str)]], refused: &[&[(&str, &str)]]) {
    let offline = Offline::new(issuer, TokenSigner::rs256("key-1"));
    let token = offline.signer.sign(&offline.claims(&claims));
    let workload = offline.verify(&token).await.unwrap();
    assert_eq!(workload.issuer(), issuer);
    for claims in trusted {
        assert!(rule(issuer, claims).matches(&workload), "{claims:?}");
    }
    for claims in refused {
        assert!(!rule(issuer, claims).matches(&workload), "{claims:?}");
    }
}

/// GitHub's documentation, "OpenID Connect reference": the claims of a token for a push to a branch in an environment.
#[tokio::test]
async fn github_actions() {
    let claims = json!({
        "jti": "example-id",
        "sub": "repo:octo-org/octo-repo:environment:prod",
        "environment": "prod",
        "ref": "refs/heads/main",
        "sha": "example-sha",
        "repository": "octo-org/octo-repo",
        "repository_owner": "octo-org",
        "actor_id": "12",
        "repository_visibility": "private",
        "repository_id": "74",
        "repository_owner_id": "65",
        "run_id": "example-run-id",
        "run_number": "10",
        "run_attempt": "2",
        "runner_environment": "github-hosted",
        "actor": "octocat",
        "workflow": "example-workflow",
        "head_ref": "",
        "base_ref": "",
        "event_name": "workflow_dispatch",
        "ref_type": "branch",
        "job_workflow_ref": "octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main",
    });
    check(
        "https://token.actions.githubusercontent.com",
        claims,
        &[
            &[("repository", "octo-org/octo-repo"), ("ref", "refs/heads/main")],
            &[("repository_owner_id", "65"), ("repository", "octo-org/*"), ("environment", "prod")],
            &[("sub", "repo:octo-org/octo-repo:environment:*")],
            &[("job_workflow_ref", "octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/*")],
        ],
        &[
            &[("repository", "octo-org/octo-repo"), ("ref", "refs/tags/*")],
            &[("repository", "octo-or/*")],
            // A pull request has a head_ref; here it is empty.
            &[("repository", "octo-org/octo-repo"), ("head_ref", "feature*")],
            &[("sub", "repo:octo-org/octo-repo:ref:*")],
        ],
    )
    .await;
}

/// GitLab's documentation, "OpenID Connect (OIDC) Authentication Using ID Tokens": the payload of a job's token.
#[tokio::test]
async fn gitlab_ci() {
    let claims = json!({
        "namespace_id": "72",
        "namespace_path": "my-group",
        "project_id": "20",
        "project_path": "my-group/my-project",
        "user_id": "1",
        "user_login": "sample-user",
        "user_email": "sample-user@example.com",
        "user_identities": [{ "provider": "github", "extern_uid": "2435223452345" }],
        "pipeline_id": "574",
        "pipeline_source": "push",
        "job_id": "302",
        "ref": "feature-branch-1",
        "ref_type": "branch",
        "ref_path": "refs/heads/feature-branch-1",
        "ref_protected": "false",
        "groups_direct": ["mygroup/mysubgroup", "myothergroup/myothersubgroup"],
        "environment": "test-environment2",
        "environment_protected": "false",
        "deployment_tier": "testing",
        "runner_id": 1,
        "runner_environment": "self-hosted",
        "sha": "714a629c0b401fdce83e847fc9589983fc6f46bc",
        "project_visibility": "public",
        "ci_config_ref_uri": "gitlab.example.com/my-group/my-project//.gitlab-ci.yml@refs/heads/main",
        "jti": "235b3a54-b797-45c7-ae9a-f72d7bc6ef5b",
        "sub": "project_path:my-group/my-project:ref_type:branch:ref:feature-branch-1",
    });
    check(
        "https://gitlab.example.com",
        claims,
        &[
            &[("project_path", "my-group/*"), ("ref_type", "branch")],
            &[("project_id", "20"), ("runner_id", "1")],
            &[("groups_direct", "mygroup/*")],
        ],
        &[
            &[("project_path", "my-group/my-project"), ("ref_protected", "true")],
            &[("project_path", "my-group")],
            // In an object in a list: not reached.
            &[("user_identities.provider", "github")],
        ],
    )
    .await;
}

/// The Kubernetes documentation, "Managing Service Accounts", bound tokens: what is in them of the pod.
#[tokio::test]
async fn kubernetes_service_accounts() {
    let claims = json!({
        "jti": "ea28ed49-2e11-4280-9ec5-bc3d1d84661a",
        "kubernetes.io": {
            "namespace": "ci",
            "node": { "name": "127.0.0.1", "uid": "58456cb0-dd00-45ed-b797-5578fdceaced" },
            "pod": { "name": "builder-69cbfb9798-jv9gn", "uid": "778a530c-b3f4-47c0-9cd5-ab018fb64f33" },
            "serviceaccount": { "name": "builder", "uid": "a087d5a0-e1dd-43ec-93ac-f13d89cd13af" },
            "warnafter": 1_700_081_020,
        },
        "sub": "system:serviceaccount:ci:builder",
        // A list, as Kubernetes always writes it.
        "aud": [crate::support::AUDIENCE],
    });
    check(
        "https://kubernetes.default.svc.cluster.local",
        claims,
        &[
            &[("sub", "system:serviceaccount:ci:builder")],
            &[("kubernetes.io.namespace", "ci"), ("kubernetes.io.serviceaccount.name", "build*")],
            &[("kubernetes.io.pod.name", "builder-*"), ("kubernetes.io.namespace", "ci")],
        ],
        &[
            &[("kubernetes.io.namespace", "production")],
            &[("sub", "system:serviceaccount:ci2:*")],
            &[("namespace", "ci")],
        ],
    )
    .await;
}

/// What somebody may write into a claim that they control does not reach another one.
#[tokio::test]
async fn claims_that_look_like_others() {
    let issuer = "https://kubernetes.default.svc.cluster.local";
    let offline = Offline::new(issuer, TokenSigner::es256("key-1"));
    let mut claims = offline.claims(&json!({ "kubernetes.io": { "namespace": "evil" } }));
    merge(&mut claims, &json!({ "kubernetes": { "io": { "namespace": "ci" } } }));
    let workload = offline.verify(&offline.signer.sign(&claims)).await.unwrap();
    assert!(!rule(issuer, &[("kubernetes.io.namespace", "ci")]).matches(&workload));
}
