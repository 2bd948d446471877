//! Files of one callback (integrations 2.10): kept in the general storage, under the callback's id, until the callback expires.

use axum::response::Response;
use ges_domain::callback::Callback;
use ges_domain::ports::{AreaAnswer, AreaContent, AreaFile, AreaId, AreaWrite};

use super::super::answers::file;
use super::super::areas::{down, refused};
use super::super::fault::GmsFault;
use crate::listener::Site;

/// The area of a callback's files. Applications cannot name it: their own areas have no `~` in front.
fn area(callback: &Callback) -> AreaId {
    AreaId::new(&format!("~callback.{}", callback.id)).expect("invariant: an id has hexadecimal digits and hyphens")
}

pub(super) async fn keep(site: &Site, callback: &Callback, files: Vec<(String, AreaFile)>) -> Result<(), GmsFault> {
    let (areas, area) = (&site.api().inside.areas, area(callback));
    let content = AreaContent { files: files.into_iter().collect(), ..AreaContent::default() };
    let life = callback.expires_at().since(site.api().inside.clock.now());
    for write in [AreaWrite::Merge, AreaWrite::Create] {
        let written = areas.write(callback.tenant, &area, None, write, content.clone(), life).await.map_err(down)?;
        match written {
            AreaAnswer::Done(()) => return Ok(()),
            AreaAnswer::Unknown if write == AreaWrite::Merge => {}
            other => return Err(refused(&other)),
        }
    }
    Ok(())
}

pub(super) async fn read(site: &Site, callback: &Callback, key: &str) -> Result<Response, GmsFault> {
    let found = site.api().inside.areas.read(callback.tenant, &area(callback), None).await.map_err(down)?;
    let AreaAnswer::Done(mut content) = found else { return Err(unknown()) };
    content.files.remove(key).map(file).ok_or_else(unknown)
}

fn unknown() -> GmsFault {
    GmsFault::not_found("The callback has no such file")
}
