//! Files that go bad under the registry: no wrong byte is passed off as right, and pushing again heals.

use longshore_testkit::{Blob, Harm, TestRegistry, blob_path, files, image, with_query};
use longshore_types::DigestAlgorithm;

#[tokio::test]
async fn a_damaged_blob_is_found_set_aside_and_healed_by_a_push() {
    for algorithm in DigestAlgorithm::ALL {
        for harm in Harm::ALL {
            for nth in 0..2 {
                let case = format!("{harm:?} of blob {nth} by {algorithm}");
                let registry = TestRegistry::start().await;
                let content = image().algorithm(algorithm).layer_bytes(100_000).build();
                let digest = content.digest().to_string();
                for blob in &content.blobs {
                    registry.push_blob("damage/app", blob).await;
                }
                registry.put_manifest("damage/app", &digest, content.top()).await.assert_status(201);
                registry.push_image("damage/other", "v1", &image().build()).await;
                registry.pull_image("damage/app", &digest).await;
                let file = blob_path(registry.data(), &content.blobs[nth].digest);
                harm.apply(&file);

                assert!(registry.try_pull_image("damage/app", &digest).await.is_err(), "{case}");
                let found = registry.run(&["verify"]).await;
                assert_eq!(found.code, Some(3), "{case}: {found:?}");
                let said = format!("{}{}", found.stdout, found.stderr);
                assert!(said.contains(&content.blobs[nth].digest.hex()), "{case}: {said}");
                if harm != Harm::Delete {
                    let aside = files(&registry.data().join("longshore/set-aside"));
                    assert_eq!(aside.len(), 1, "{case}: damaged files are evidence: {aside:?}");
                }
                assert!(!file.exists(), "{case}");

                assert!(registry.try_pull_image("damage/app", &digest).await.is_err(), "{case}");
                registry.run(&["gc"]).await.assert_success();
                registry.push_blob("damage/app", &content.blobs[nth]).await;
                registry.pull_image("damage/app", &digest).await;
                registry.pull_image("damage/other", "v1").await;
                registry.run(&["verify"]).await.assert_success();
            }
        }
    }
}

#[tokio::test]
async fn a_push_heals_without_being_asked() {
    let registry = TestRegistry::start().await;
    for harm in [Harm::Delete, Harm::Truncate] {
        let content = image().layer_bytes(100_000).build();
        registry.push_image("damage/heals", "v1", &content).await;
        harm.apply(&blob_path(registry.data(), &content.blobs[0].digest));
        assert!(registry.try_pull_image("damage/heals", "v1").await.is_err(), "{harm:?}");
        registry.push_image("damage/heals", "v1", &content).await;
        registry.pull_image("damage/heals", "v1").await;
    }
    registry.run(&["verify"]).await.assert_success();
}

#[tokio::test]
async fn a_damaged_upload_never_stays_a_blob() {
    for harm in Harm::ALL {
        for restarted in [false, true] {
            let mut registry = TestRegistry::start().await;
            let blob = Blob::random(200_000);
            let (first, second) = blob.bytes.split_at(120_000);
            let location = registry.start_upload("damage/upload").await;
            let location = registry.patch(&location, 0, first).await.assert_status(202).location();
            if restarted {
                registry.kill_9().await;
            }
            let uploads = files(&registry.data().join("longshore/uploads"));
            let largest = uploads.iter().max_by_key(|path| path.metadata().unwrap().len()).unwrap();
            harm.apply(largest);
            if restarted {
                registry.start_again().await;
            }
            let finish = with_query(&location, &format!("digest={}", blob.digest));
            let call = registry.call(reqwest::Method::PUT, &finish).piece(120_000, second);
            let closed = call.send().await;
            let path = format!("/v2/damage/upload/blobs/{}", blob.digest);
            let pulled = registry.get(&path).await;
            // Bytes are hashed as they arrive, not again when the upload ends. But another file in the place of the one
            // that was written is seen. (What the disk does inside the file is found as it is in a blob.)
            assert_eq!(closed.status, 404, "{harm:?}: {closed:?}");
            assert_eq!(pulled.status, 404, "{harm:?}: {closed:?} then {pulled:?}");
            registry.push_blob("damage/upload", &blob).await;
            registry.get(&path).await.assert_status(200).assert_body(&blob.bytes);
            registry.run(&["verify"]).await.assert_success();
        }
    }
}
