//! SNS's protocol, as far as gantry speaks it: `Publish` to one topic, as a form, answered in XML.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use percent_encoding::percent_decode_str;

use crate::listener::{self, Server};

/// The topic that there is.
pub const TOPIC: &str = "arn:aws:sns:us-east-1:000000000000:runs";

/// A published form, by its members' names.
pub type Published = BTreeMap<String, String>;

/// A server and what was published.
#[derive(Debug)]
pub struct Sns {
    /// The server.
    pub server: Server,
    /// What was published, in order.
    pub published: Arc<Mutex<Vec<Published>>>,
}

/// Starts a server.
pub async fn serve() -> Sns {
    let published = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&published);
    let server = listener::serve(move |request| {
        let published = Arc::clone(&kept);
        async move { Ok::<_, hyper::Error>(answer(&published, request).await) }
    });
    Sns {
        server: server.await,
        published,
    }
}

async fn answer(published: &Mutex<Vec<Published>>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let form = decode(std::str::from_utf8(&body).unwrap());
    let is = |name: &str, value: &str| form.get(name).is_some_and(|found| found == value);
    if !is("Action", "Publish") {
        return error(400, "InvalidAction");
    }
    if !(is("TopicArn", TOPIC) || is("TopicArn", &format!("{TOPIC}.fifo"))) {
        return error(404, "NotFound");
    }
    let mut published = published.lock().unwrap();
    published.push(form);
    let id = published.len();
    let text = format!(
        "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult><MessageId>{id}</MessageId>\
         </PublishResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></PublishResponse>"
    );
    listener::answer(200, "text/xml", text)
}

fn error(status: u16, code: &str) -> Response<Full<Bytes>> {
    let text = format!(
        "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>Sender</Type><Code>{code}</Code>\
         <Message>the test server says no</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    );
    listener::answer(status, "text/xml", text)
}

fn decode(form: &str) -> Published {
    let text = |part: &str| {
        percent_decode_str(&part.replace('+', " "))
            .decode_utf8()
            .unwrap()
            .into_owned()
    };
    let members = form.split('&').filter_map(|member| member.split_once('='));
    members.map(|(name, value)| (text(name), text(value))).collect()
}
