//! The contract of the general storage: one function per fact, the same for Redis and memory.

use std::time::Duration;

use async_trait::async_trait;
use ges_domain::ports::{AreaAnswer, AreaContent, AreaFile, AreaId, AreaWrite, Areas, MOST_AREA_BYTES};

use crate::builders::{other_tenant, tenant};

/// A storage under test: empty when a fact begins.
#[async_trait]
pub trait AreasUnderTest: Send + Sync {
    /// The storage.
    fn areas(&self) -> &dyn Areas;
    /// Lets its time run on: moves it, or really waits.
    async fn pass(&self, length: Duration);
}

/// Runs every fact as a `#[tokio::test]` of its own on what `$fresh().await` makes.
#[macro_export]
macro_rules! areas_tests {
    ($fresh:ident) => {
        $crate::areas_tests!($fresh:
            an_area_reads_back_with_texts_and_files
            a_merge_keeps_what_it_does_not_name
            an_area_ends_and_a_merge_renews_it
            an_area_of_a_user_is_nobody_elses
            an_area_has_a_largest_size
            tenants_do_not_share_areas
        );
    };
    ($fresh:ident: $($fact:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $fact() {
                let fresh = $fresh().await;
                $crate::areas::$fact(&fresh).await;
            }
        )+
    };
}

const LIFE: Duration = Duration::from_millis(400);

fn area(name: &str) -> AreaId {
    AreaId::new(name).unwrap()
}

fn texts(pairs: &[(&str, &str)]) -> AreaContent {
    let texts = pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
    AreaContent { texts, ..AreaContent::default() }
}

async fn write(
    stores: &dyn AreasUnderTest,
    name: &str,
    user: Option<&str>,
    write: AreaWrite,
    content: AreaContent,
) -> AreaAnswer<()> {
    stores.areas().write(tenant(), &area(name), user, write, content, LIFE).await.unwrap()
}

async fn read(stores: &dyn AreasUnderTest, name: &str, user: Option<&str>) -> AreaAnswer<AreaContent> {
    stores.areas().read(tenant(), &area(name), user).await.unwrap()
}

/// Integrations 2.12.
pub async fn an_area_reads_back_with_texts_and_files(stores: &dyn AreasUnderTest) {
    let mut content = texts(&[("Key1", "Value1"), ("ü", "\"2\"\n")]);
    let bytes = vec![0, 255, 13, 10, 0];
    content.files.insert("Key1".into(), AreaFile { media_type: "image/png".into(), bytes });
    assert_eq!(read(stores, "a", None).await, AreaAnswer::Unknown);
    assert_eq!(write(stores, "a", None, AreaWrite::Create, content.clone()).await, AreaAnswer::Done(()));
    assert_eq!(read(stores, "a", None).await, AreaAnswer::Done(content.clone()));
    assert_eq!(write(stores, "empty", None, AreaWrite::Create, AreaContent::default()).await, AreaAnswer::Done(()));
    assert_eq!(read(stores, "empty", None).await, AreaAnswer::Done(AreaContent::default()));
    let replaced = texts(&[("other", "1")]);
    assert_eq!(write(stores, "a", None, AreaWrite::Create, replaced.clone()).await, AreaAnswer::Done(()));
    assert_eq!(read(stores, "a", None).await, AreaAnswer::Done(replaced), "created anew");
}

/// Integrations 2.12, 2.1 (an empty value deletes).
pub async fn a_merge_keeps_what_it_does_not_name(stores: &dyn AreasUnderTest) {
    assert_eq!(write(stores, "a", None, AreaWrite::Merge, texts(&[("a", "1")])).await, AreaAnswer::Unknown);
    write(stores, "a", None, AreaWrite::Create, texts(&[("a", "1"), ("b", "2"), ("c", "3")])).await;
    write(stores, "a", None, AreaWrite::Merge, texts(&[("b", "two"), ("c", ""), ("d", "4")])).await;
    let merged = texts(&[("a", "1"), ("b", "two"), ("d", "4")]);
    assert_eq!(read(stores, "a", None).await, AreaAnswer::Done(merged));
    let removed = stores.areas().remove(tenant(), &area("a"), None, Some("b")).await.unwrap();
    assert_eq!(removed, AreaAnswer::Done(()));
    let again = stores.areas().remove(tenant(), &area("a"), None, Some("b")).await.unwrap();
    assert_eq!(again, AreaAnswer::Done(()), "removing what is not there is done");
    assert_eq!(read(stores, "a", None).await, AreaAnswer::Done(texts(&[("a", "1"), ("d", "4")])));
    assert_eq!(stores.areas().remove(tenant(), &area("a"), None, None).await.unwrap(), AreaAnswer::Done(()));
    assert_eq!(stores.areas().remove(tenant(), &area("a"), None, None).await.unwrap(), AreaAnswer::Unknown);
    assert_eq!(read(stores, "a", None).await, AreaAnswer::Unknown);
}

/// Integrations 2.12.
pub async fn an_area_ends_and_a_merge_renews_it(stores: &dyn AreasUnderTest) {
    write(stores, "a", None, AreaWrite::Create, texts(&[("a", "1")])).await;
    write(stores, "b", None, AreaWrite::Create, texts(&[("a", "1")])).await;
    stores.pass(LIFE / 2).await;
    write(stores, "b", None, AreaWrite::Merge, texts(&[("b", "2")])).await;
    stores.pass(LIFE / 2 + LIFE / 8).await;
    assert_eq!(read(stores, "a", None).await, AreaAnswer::Unknown);
    assert_eq!(read(stores, "b", None).await, AreaAnswer::Done(texts(&[("a", "1"), ("b", "2")])));
    assert_eq!(write(stores, "a", None, AreaWrite::Merge, texts(&[("a", "1")])).await, AreaAnswer::Unknown);
}

/// Integrations 2.12 (`gms_user`).
pub async fn an_area_of_a_user_is_nobody_elses(stores: &dyn AreasUnderTest) {
    let content = texts(&[("a", "1")]);
    assert_eq!(write(stores, "a", Some("ann"), AreaWrite::Create, content.clone()).await, AreaAnswer::Done(()));
    for stranger in [None, Some("bob"), Some("")] {
        assert_eq!(read(stores, "a", stranger).await, AreaAnswer::NotYours, "{stranger:?}");
        for kind in [AreaWrite::Create, AreaWrite::Merge] {
            assert_eq!(write(stores, "a", stranger, kind, content.clone()).await, AreaAnswer::NotYours);
        }
        let removed = stores.areas().remove(tenant(), &area("a"), stranger, None).await.unwrap();
        assert_eq!(removed, AreaAnswer::NotYours);
    }
    write(stores, "a", Some("ann"), AreaWrite::Create, content.clone()).await;
    assert_eq!(read(stores, "a", Some("ann")).await, AreaAnswer::Done(content));
}

/// Integrations 2.12.
pub async fn an_area_has_a_largest_size(stores: &dyn AreasUnderTest) {
    let half = "x".repeat(MOST_AREA_BYTES / 2);
    assert_eq!(write(stores, "a", None, AreaWrite::Create, texts(&[("a", &half)])).await, AreaAnswer::Done(()));
    let more = write(stores, "a", None, AreaWrite::Merge, texts(&[("b", &half), ("c", "1")])).await;
    assert_eq!(more, AreaAnswer::TooLarge);
    assert_eq!(read(stores, "a", None).await, AreaAnswer::Done(texts(&[("a", &half)])), "nothing changed");
    let instead = write(stores, "a", None, AreaWrite::Merge, texts(&[("a", ""), ("b", &half)])).await;
    assert_eq!(instead, AreaAnswer::Done(()), "what goes makes room");
    let whole = "x".repeat(MOST_AREA_BYTES);
    assert_eq!(write(stores, "b", None, AreaWrite::Create, texts(&[("a", &whole)])).await, AreaAnswer::TooLarge);
    assert_eq!(read(stores, "b", None).await, AreaAnswer::Unknown);
}

/// I9.
pub async fn tenants_do_not_share_areas(stores: &dyn AreasUnderTest) {
    write(stores, "a", None, AreaWrite::Create, texts(&[("a", "1")])).await;
    let theirs = stores.areas().read(other_tenant(), &area("a"), None).await.unwrap();
    assert_eq!(theirs, AreaAnswer::Unknown, "I9");
    let removed = stores.areas().remove(other_tenant(), &area("a"), None, None).await.unwrap();
    assert_eq!(removed, AreaAnswer::Unknown);
    assert_eq!(read(stores, "a", None).await, AreaAnswer::Done(texts(&[("a", "1")])));
}
