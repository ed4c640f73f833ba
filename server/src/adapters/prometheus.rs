//! Prometheus, its instant query.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::{
    failure::{Failure, one_line},
    json::Json,
};
use crate::config::Metric;

/// How long a query may take.
const WAIT: Duration = Duration::from_secs(3);

/// One query at one Prometheus.
pub struct Prometheus {
    url: Result<Url, Failure>,
    json: Json,
}

/// What a query gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sample {
    /// One number; it may be infinite or no number at all.
    One(f64),
    /// No series fits.
    Nothing,
    /// So many series fit where one was meant.
    Several(usize),
}

impl Prometheus {
    /// Never waits.
    #[must_use]
    pub fn new(metric: &Metric) -> Self {
        let mut base = metric.prometheus.clone();
        if !base.path().ends_with('/') {
            let path = format!("{}/", base.path());
            base.set_path(&path);
        }
        let url = base.join("api/v1/query").map_err(|_| Failure::Unreachable("its address takes no path".into()));
        let url = url.map(|mut url| {
            url.query_pairs_mut().append_pair("query", &metric.query).append_pair("timeout", &format!("{}s", WAIT.as_secs()));
            url
        });
        Self { url, json: Json::new(WAIT) }
    }

    /// Asks for the value now.
    ///
    /// # Errors
    /// When there is no answer, or Prometheus refuses the query.
    pub async fn value(&self) -> Result<Sample, Failure> {
        let answer: Answer = self.json.get(self.url.clone()?).await?;
        answer.sample()
    }
}

#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Scalar((f64, String)),
    Vector(Vec<Series>),
    Matrix(serde::de::IgnoredAny),
    String(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Series {
    value: (f64, String),
}

impl Answer {
    fn sample(self) -> Result<Sample, Failure> {
        if self.status != "success" {
            let why = self.error.map_or_else(|| "no reason given".into(), |why| one_line(&why));
            return Err(Failure::Garbled(format!("it refuses the query: {why}")));
        }
        let number = |text: &str| text.parse().map_err(|_| Failure::Garbled("a value that is no number".into()));
        match self.data {
            Some(Data::Scalar((_, value))) => number(&value).map(Sample::One),
            Some(Data::Vector(series)) => match series.as_slice() {
                [] => Ok(Sample::Nothing),
                [one] => number(&one.value.1).map(Sample::One),
                several => Ok(Sample::Several(several.len())),
            },
            Some(Data::Matrix(_) | Data::String(_)) | None => Err(Failure::Garbled("the query gives no number".into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(text: &str) -> Result<Sample, Failure> {
        serde_json::from_str::<Answer>(text).unwrap().sample()
    }

    #[test]
    fn a_query_gives_one_number_or_says_why_not() {
        let vector = |result: &str| format!(r#"{{"status":"success","data":{{"resultType":"vector","result":{result}}}}}"#);
        assert_eq!(sample(&vector(r#"[{"metric":{"a":"b"},"value":[1.5,"0.25"]}]"#)), Ok(Sample::One(0.25)));
        assert_eq!(sample(&vector("[]")), Ok(Sample::Nothing));
        assert_eq!(sample(&vector(r#"[{"value":[1,"1"]},{"value":[1,"2"]}]"#)), Ok(Sample::Several(2)));
        assert_eq!(sample(r#"{"status":"success","data":{"resultType":"scalar","result":[1.5,"+Inf"]}}"#), Ok(Sample::One(f64::INFINITY)));
        let refused = sample(r#"{"status":"error","errorType":"bad_data","error":"parse\nerror"}"#);
        assert!(refused.unwrap_err().to_string().ends_with("it refuses the query: parse error"));
    }
}
