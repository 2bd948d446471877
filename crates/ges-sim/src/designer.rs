//! Designer and its applications, as far as they call GES: publishing a table in either form, and what an IVR asks while a
//! caller waits.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

const TIMEOUT: Duration = Duration::from_secs(10);
/// The columns that name a row, as GES knows them.
const NAMES: [&str; 3] = ["serviceName", "Virtual Queue", "_urs_virtual_queue"];

/// Speaks for one contact center to the internal listener of GES.
#[derive(Debug)]
pub struct Designer {
    ges: String,
    ccid: String,
    http: reqwest::Client,
}

/// What GES said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The HTTP status.
    pub status: u16,
    /// The body as text.
    pub body: String,
}

/// Why nothing was sent, or nothing came back.
#[derive(Debug, thiserror::Error)]
pub enum DesignerError {
    /// The file is no JSON of a form that can be published.
    #[error("{0}")]
    Form(&'static str),
    /// No answer.
    #[error("GES did not answer")]
    NoAnswer(#[from] reqwest::Error),
}

/// What an IVR asks (integrations 2.2, 2.6, 2.8, 2.13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Book a callback for a number.
    Create {
        /// The queue.
        service: String,
        /// The number to call.
        number: String,
        /// When; as soon as possible without.
        desired: Option<String>,
    },
    /// Which slots are free.
    Availability {
        /// The queue.
        service: String,
    },
    /// How many callbacks queues have in hand.
    Watermarks {
        /// The queues; all when empty.
        services: Vec<String>,
    },
    /// Which pattern a text is.
    Patterns {
        /// The group; the one without a name when absent.
        group: Option<String>,
        /// The texts.
        texts: Vec<String>,
    },
}

impl Designer {
    /// Speaks for contact center `ccid` to `ges`, like `http://127.0.0.1:3050`.
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub fn new(ges: &str, ccid: &str) -> Result<Self, DesignerError> {
        // Whoever came first has chosen the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build()?;
        Ok(Self { ges: ges.trim_end_matches('/').to_owned(), ccid: ccid.to_owned(), http })
    }

    /// Publishes sections, or the rows of CALLBACK_SETTINGS as sections, in the form of shared GMS.
    ///
    /// # Errors
    /// [`DesignerError`].
    pub async fn publish(&self, file: &Value) -> Result<Said, DesignerError> {
        self.said(self.http.post(format!("{}/genesys/1/tenants", self.ges)).json(&sections(file)?)).await
    }

    /// Replaces a table through the native API. `version` is made of the time when the file has none.
    ///
    /// # Errors
    /// [`DesignerError`].
    pub async fn publish_table(&self, table: &str, file: &Value) -> Result<Said, DesignerError> {
        let rows = rows(file).ok_or(DesignerError::Form("a table is an array of rows, or an object with rows"))?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        let version = file.get("version").cloned().unwrap_or_else(|| json!(format!("sim-{now}")));
        let body = json!({ "version": version, "publishedAt": file.get("publishedAt"), "rows": rows });
        let url = format!("{}/ges/v1/designer/{}/tables/{table}", self.ges, self.ccid);
        self.said(self.http.put(url).json(&body)).await
    }

    /// Asks as an application does while a caller waits.
    ///
    /// # Errors
    /// [`DesignerError::NoAnswer`].
    pub async fn ask(&self, question: &Question) -> Result<Said, DesignerError> {
        let at = |path: String| format!("{}/genesys/1/{path}", self.ges);
        let request = match question {
            Question::Create { service, number, desired } => {
                let body = json!({ "_customer_number": number, "_desired_time": desired });
                let body: Map<_, _> = body
                    .as_object()
                    .into_iter()
                    .flatten()
                    .filter(|(_, value)| !value.is_null())
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect();
                self.http.post(at(format!("service/callback/{service}"))).json(&body)
            }
            Question::Availability { service } => self.http.get(at(format!("service/callback/{service}/availability"))),
            Question::Watermarks { services } => {
                let names: Vec<_> = services.iter().map(|service| ("service_name", service)).collect();
                self.http.get(at("admin/callback/watermarks".into())).query(&names)
            }
            Question::Patterns { group, texts } => {
                let path = group.as_ref().map_or("patterns".to_owned(), |group| format!("patterns/group/{group}"));
                let texts: Vec<_> =
                    texts.iter().enumerate().map(|(place, text)| (format!("param{}", place + 1), text)).collect();
                self.http.post(at(path)).form(&texts)
            }
        };
        self.said(request).await
    }

    async fn said(&self, request: reqwest::RequestBuilder) -> Result<Said, DesignerError> {
        let answer = request.header("ContactCenterId", &self.ccid).send().await?;
        Ok(Said { status: answer.status().as_u16(), body: answer.text().await? })
    }
}

fn rows(file: &Value) -> Option<&Vec<Value>> {
    file.as_array().or_else(|| file.get("rows")?.as_array())
}

/// Sections as they are, or made of rows, each under its queue.
fn sections(file: &Value) -> Result<Value, DesignerError> {
    let Some(rows) = rows(file) else {
        let sections = file.as_object().filter(|sections| sections.values().all(Value::is_object));
        let form = DesignerError::Form("the file is neither an object of sections nor a table with rows");
        return sections.map(|sections| json!(sections)).ok_or(form);
    };
    let section = |row: &Value| {
        let name = NAMES.iter().find_map(|column| row.get(*column)?.as_str())?;
        let mut cells = row.as_object()?.clone();
        cells.insert("_service".into(), json!("callback"));
        cells.insert("_type".into(), json!("ors"));
        Some((format!("service.{name}"), Value::Object(cells)))
    };
    let sections = rows.iter().map(section).collect::<Option<Map<_, _>>>();
    sections.map(Value::Object).ok_or(DesignerError::Form("a row has no serviceName"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_sections_and_sections_stay() {
        let table = json!({ "version": "1", "rows": [{ "serviceName": "CB", "routingPoint": "1" }] });
        let expected = json!({ "service.CB": { "_service": "callback", "_type": "ors", "serviceName": "CB", "routingPoint": "1" } });
        assert_eq!(sections(&table).unwrap(), expected);
        assert_eq!(sections(&table["rows"]).unwrap(), expected);
        assert_eq!(sections(&expected).unwrap(), expected);
        for wrong in [json!(7), json!([{ "routingPoint": "1" }]), json!({ "service.CB": "x" })] {
            assert!(matches!(sections(&wrong), Err(DesignerError::Form(_))), "{wrong}");
        }
    }
}
