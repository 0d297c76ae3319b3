//! The page that a service shows: files that `fhe-nn-core/browser/build` made, as they are.

use std::env;
use std::path::PathBuf;

use axum::Router;
use axum::handler::HandlerWithoutStateExt;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use tower_http::services::{ServeDir, ServeFile};

use super::routes::unknown;

/// What is shown where there is no page.
const MISSING: &str = "This service has no page, because none was built. It answers the calls of /openapi.json.\n\n\
                       `fhe-nn-core/browser/build` builds the page and says where it is. `fhe-nn serve` finds it there, or \
                       takes it by `--page DIR`.\n";
/// The file that is shown at `/`.
const INDEX: &str = "index.html";
/// The file without which the page can do nothing.
const MODULE: &str = "fhe_nn_browser_bg.wasm";

/// A page that encrypts in the browser, as a folder of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    folder: PathBuf,
}

/// A folder that has no page.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{}` has no page: there is no `{missing}`\n  = help: `fhe-nn-core/browser/build` builds one and says where it is",
    folder.display()
)]
pub struct PageError {
    folder: PathBuf,
    missing: &'static str,
}

impl Page {
    /// Takes the page in a folder.
    ///
    /// # Errors
    /// [`PageError`] if a file is missing.
    pub fn new(folder: impl Into<PathBuf>) -> Result<Self, PageError> {
        let folder = folder.into();
        let mut needed = [INDEX, MODULE].into_iter();
        match needed.find(|file| !folder.join(file).is_file()) {
            Some(missing) => Err(PageError { folder, missing }),
            None => Ok(Page { folder }),
        }
    }

    /// Finds the page that was built beside this program: in `target/page`, if the program is in `target/release`.
    pub fn find() -> Option<Self> {
        let program = env::current_exe().ok()?;
        Self::new(program.parent()?.parent()?.join("page")).ok()
    }
}

/// What is answered at `/`, and at `/page/` to what that asks for. Nothing in it is about a tenant, so it needs no token.
pub(super) fn routes<S>(page: Option<&Page>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let Some(Page { folder }) = page else {
        return Router::new().route("/", get((StatusCode::NOT_FOUND, MISSING)));
    };
    let files = ServeDir::new(folder)
        .append_index_html_on_directories(false)
        .fallback(unknown.into_service());
    Router::new()
        .route_service("/", ServeFile::new(folder.join(INDEX)))
        .nest_service("/page", files)
        .layer(map_response(fresh))
}

/// Has a browser ask whether a file is still the same: all files of a page belong together.
async fn fresh(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

#[cfg(test)]
mod tests {
    use std::fs;

    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use hyper::service::Service;
    use hyper_util::service::TowerToHyperService;

    use super::*;

    /// Returns the status, the type and the text of an answer.
    async fn get(page: Option<&Page>, path: &str) -> (u16, String, String) {
        let service = TowerToHyperService::new(routes::<()>(page).with_state(()));
        let request = Request::get(path).body(Body::empty());
        let answer = service.call(request.expect("it is a path")).await;
        let (head, body) = answer.expect("routes answer").into_parts();
        let body = to_bytes(body, 1 << 20).await.expect("it is in memory");
        let kind = head.headers.get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let text = String::from_utf8_lossy(&body).into_owned();
        (head.status.as_u16(), kind.to_owned(), text)
    }

    #[tokio::test]
    async fn a_page_is_its_files_and_nothing_else() {
        let outside = tempfile::tempdir().expect("there is room");
        let folder = outside.path().join("page");
        fs::create_dir(&folder).expect("there is room");
        for (file, text) in [
            (INDEX, "index"),
            (MODULE, "module"),
            ("main.js", "script"),
            ("../secret", "secret"),
        ] {
            fs::write(folder.join(file), text).expect("there is room");
        }
        let page = Page::new(&folder).expect("all files are there");
        for (path, kind, text) in [
            ("/", "text/html", "index"),
            ("/page/fhe_nn_browser_bg.wasm", "application/wasm", "module"),
            ("/page/main.js", "text/javascript", "script"),
        ] {
            let found = get(Some(&page), path).await;
            assert_eq!(found, (200, kind.to_owned(), text.to_owned()));
        }
        for path in [
            "/page/",
            "/page/other.js",
            "/page/../secret",
            "/page/%2e%2e/secret",
            "/page/..%2fsecret",
        ] {
            let (status, kind, text) = get(Some(&page), path).await;
            assert_eq!(
                (status, &*kind),
                (404, "application/problem+json"),
                "{path}"
            );
            assert!(!text.contains("secret"), "{text}");
        }
    }

    #[tokio::test]
    async fn a_service_without_a_page_says_how_to_build_it() {
        let (status, kind, text) = get(None, "/").await;
        assert_eq!((status, &*kind), (404, "text/plain; charset=utf-8"));
        assert!(text.contains("`fhe-nn-core/browser/build`"), "{text}");
    }

    #[test]
    fn a_folder_without_the_module_is_no_page() {
        let folder = tempfile::tempdir().expect("there is room");
        fs::write(folder.path().join(INDEX), "").expect("there is room");
        let refused = Page::new(folder.path()).expect_err("the module is missing");
        assert!(refused.to_string().contains(MODULE), "{refused}");
    }
}
