use super::*;

const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn digest() -> Digest {
    format!("sha256:{HEX}").parse().unwrap()
}

fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

/// `target` is path and query; `DIGEST` in it stands for a digest.
fn parse(method: &str, target: &str) -> Result<Endpoint, RouteError> {
    let target = target.replace("DIGEST", &digest().to_string());
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target.as_str(), None),
    };
    Endpoint::parse(&method.parse().unwrap(), path, query)
}

fn check(method: &str, target: &str, wanted: Endpoint) {
    assert_eq!(parse(method, target), Ok(wanted), "{method} {target}");
}

fn refuse(method: &str, target: &str, wanted: RouteError) {
    assert_eq!(parse(method, target), Err(wanted), "{method} {target}");
}

#[test]
fn listings() {
    let page = |count, last: Option<&str>| PageQuery { count, last: last.map(str::to_owned) };
    check("GET", "/v2/", Endpoint::Base);
    check("HEAD", "/v2", Endpoint::Base);
    check("GET", "/v2/_catalog", Endpoint::Catalog { page: page(None, None) });
    check("GET", "/v2/_catalog?n=5&last=a%2Fb", Endpoint::Catalog { page: page(Some(5), Some("a/b")) });
    let tags = |repository: &str, page| Endpoint::Tags { repository: name(repository), page };
    check("GET", "/v2/app/tags/list", tags("app", page(None, None)));
    check("GET", "/v2/tags/tags/list?n=0", tags("tags", page(Some(0), None)));
    check("GET", "/v2/a/tags/list/tags/list?n=", tags("a/tags/list", page(None, None)));
    check("GET", "/v2/a/tags/list?n=99999999999999999999", tags("a", page(Some(usize::MAX), None)));
    refuse("GET", "/v2/a/tags/list?n=-1", RouteError::Count);
    refuse("GET", "/v2/a/tags/list?n=1e3", RouteError::Count);

    let referrers = |filter: Option<&str>, page| Endpoint::Referrers {
        repository: name("a/b"),
        subject: digest(),
        filter: filter.map(str::to_owned),
        page,
    };
    check("GET", "/v2/a/b/referrers/DIGEST", referrers(None, page(None, None)));
    check(
        "GET",
        "/v2/a/b/referrers/DIGEST?artifactType=application/x+json&last=DIGEST",
        referrers(Some("application/x+json"), page(None, Some(&digest().to_string()))),
    );
    refuse("GET", "/v2/a/referrers/DIGEST?last=x", RouteError::Last);
    refuse("GET", "/v2/a/referrers/sha256:x", RouteError::Digest(DigestError::Malformed));
}

#[test]
fn manifests() {
    let pull = |repository: &str, text: &str| Endpoint::PullManifest {
        repository: name(repository),
        reference: reference(text),
    };
    check("GET", "/v2/app/manifests/v1", pull("app", "v1"));
    check("HEAD", "/v2/a/manifests/b/manifests/v1", pull("a/manifests/b", "v1"));
    check("GET", &format!("/v2/app/manifests/sha256%3A{HEX}"), pull("app", &digest().to_string()));
    check(
        "DELETE",
        "/v2/app/manifests/v1",
        Endpoint::DeleteManifest { repository: name("app"), reference: reference("v1") },
    );
    let push = |text: &str, tags: &[&str]| Endpoint::PushManifest {
        repository: name("app"),
        reference: reference(text),
        tags: tags.iter().map(|tag| tag.parse().unwrap()).collect(),
    };
    check("PUT", "/v2/app/manifests/v1", push("v1", &[]));
    check("PUT", "/v2/app/manifests/v1?tag=v2", push("v1", &[]));
    check("PUT", "/v2/app/manifests/DIGEST?tag=b&tag=a&tag=b", push(&digest().to_string(), &["b", "a"]));
    let many = |count: usize| {
        let tags: Vec<_> = (0..count).map(|i| format!("tag={i}")).collect();
        format!("/v2/app/manifests/DIGEST?{}", tags.join("&"))
    };
    assert!(parse("PUT", &many(TAGS_PER_PUSH_MAX)).is_ok());
    refuse("PUT", &many(TAGS_PER_PUSH_MAX + 1), RouteError::TooManyTags);
    refuse("PUT", "/v2/app/manifests/DIGEST?tag=a/b", RouteError::Tag);
    refuse("PUT", "/v2/app/manifests/-x", RouteError::Reference(ReferenceError::Malformed));
    refuse("GET", "/v2/app/manifests/-x", RouteError::ReferenceUnknown { repository: name("app") });
    refuse("GET", "/v2/app/manifests/sha256:x", RouteError::Digest(DigestError::Malformed));
    refuse("POST", "/v2/app/manifests/v1", RouteError::Method("GET, HEAD, PUT, DELETE"));
}

#[test]
fn blobs_and_uploads() {
    let repository = || name("a/b");
    check("GET", "/v2/a/b/blobs/DIGEST", Endpoint::PullBlob { repository: repository(), digest: digest() });
    check(
        "DELETE",
        "/v2/a/b/blobs/DIGEST",
        Endpoint::DeleteBlob { repository: repository(), digest: digest() },
    );
    refuse("PUT", "/v2/a/b/blobs/DIGEST", RouteError::Method("GET, HEAD, DELETE"));
    refuse("GET", "/v2/a/blobs/md5:00", RouteError::Digest(DigestError::UnsupportedAlgorithm));

    let start = |target: &str, start| {
        check("POST", target, Endpoint::StartUpload { repository: repository(), start });
    };
    let from = |text: &str| Some(name(text));
    start("/v2/a/b/blobs/uploads/", UploadStart::Session(DigestAlgorithm::Sha256));
    start("/v2/a/b/blobs/uploads", UploadStart::Session(DigestAlgorithm::Sha256));
    start("/v2/a/b/blobs/uploads/?digest-algorithm=sha512", UploadStart::Session(DigestAlgorithm::Sha512));
    start("/v2/a/b/blobs/uploads/?digest=DIGEST", UploadStart::Whole(digest()));
    start("/v2/a/b/blobs/uploads/?mount=DIGEST", UploadStart::Mount { digest: digest(), from: None });
    start(
        "/v2/a/b/blobs/uploads/?from=c%2Fd&mount=DIGEST",
        UploadStart::Mount { digest: digest(), from: from("c/d") },
    );
    start("/v2/a/b/blobs/uploads/?mount=DIGEST&from=UP", UploadStart::Session(DigestAlgorithm::Sha256));
    let unsupported = RouteError::Digest(DigestError::UnsupportedAlgorithm);
    refuse("POST", "/v2/a/blobs/uploads/?digest-algorithm=md5", unsupported);
    refuse("POST", "/v2/a/blobs/uploads/?digest=x", RouteError::Digest(DigestError::Malformed));
    refuse("GET", "/v2/a/blobs/uploads/", RouteError::Method("POST"));

    let id = UploadId::random();
    let path = format!("/v2/a/b/blobs/uploads/{id}");
    check("GET", &path, Endpoint::UploadStatus { repository: repository(), id });
    check("PATCH", &path, Endpoint::AppendUpload { repository: repository(), id });
    check("DELETE", &path, Endpoint::CancelUpload { repository: repository(), id });
    let finish = Endpoint::FinishUpload { repository: repository(), id, digest: digest() };
    check("PUT", &format!("{path}?_state=x&digest=DIGEST"), finish);
    refuse("PUT", &path, RouteError::DigestMissing);
    refuse("PUT", "/v2/a/blobs/uploads/../../x", RouteError::Unknown);
    refuse("PATCH", "/v2/a/blobs/uploads/unknown", RouteError::UploadUnknown);
}

#[test]
fn names_that_look_like_paths() {
    let digest = digest();
    check(
        "GET",
        "/v2/blobs/uploads/blobs/DIGEST",
        Endpoint::PullBlob { repository: name("blobs/uploads"), digest },
    );
    check(
        "GET",
        "/v2/blobs/manifests/uploads",
        Endpoint::PullManifest { repository: name("blobs"), reference: reference("uploads") },
    );
    refuse("GET", "/v2/App/tags/list", RouteError::Name(NameError::Malformed));
    refuse("GET", "/v2/a//b/tags/list", RouteError::Name(NameError::Malformed));
    refuse("GET", "/v2//tags/list", RouteError::Name(NameError::Malformed));
    refuse("GET", "/v2/a/%2e%2e/tags/list", RouteError::Name(NameError::Malformed));
    refuse("GET", &format!("/v2/{}/tags/list", "a".repeat(256)), RouteError::Name(NameError::TooLong));
}

#[test]
fn nothing_else_is_a_path() {
    for unknown in [
        "/v2x",
        "/v2/a",
        "/v2/a/",
        "/v2/a/b/c",
        "/v2/_catalog/",
        "/v2/a/tags/list/",
        "/v2/manifests/v1",
        "/v2/blobs/uploads/",
        "/v2/tags/list",
        "/v2/a/tags",
        "/v3/",
        "/",
    ] {
        refuse("GET", unknown, RouteError::Unknown);
    }
    refuse("GET", "/v2/a%zz/tags/list", RouteError::Encoding);
    refuse("GET", "/v2/a/tags/list?last=%ff", RouteError::Encoding);
}

#[test]
fn scopes() {
    let check = |method: &str, target: &str, wanted: &str| {
        let scopes: Vec<_> = parse(method, target).unwrap().scopes().iter().map(Scope::to_string).collect();
        assert_eq!(scopes.join(" "), wanted, "{method} {target}");
    };
    check("GET", "/v2/", "");
    check("GET", "/v2/_catalog", "registry:catalog:*");
    check("HEAD", "/v2/a/manifests/v1", "repository:a:pull");
    check("PUT", "/v2/a/manifests/v1", "repository:a:pull,push");
    check("DELETE", "/v2/a/manifests/v1", "repository:a:delete");
    check("POST", "/v2/a/blobs/uploads/?mount=DIGEST&from=b", "repository:a:pull,push repository:b:pull");
}
