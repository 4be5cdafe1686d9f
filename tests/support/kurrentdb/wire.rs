//! The messages of the server's wire format that the log uses, after `streams.proto`, `shared.proto` and
//! `serverfeatures.proto` of its clients. Fields that nobody reads or writes here are left out.

use std::collections::HashMap;

#[derive(Clone, PartialEq, prost::Message)]
pub struct StreamIdentifier {
    #[prost(bytes = "vec", tag = "3")]
    pub name: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct EventId {
    #[prost(oneof = "id::Value", tags = "1, 2")]
    pub value: Option<id::Value>,
}

pub mod id {
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Value {
        #[prost(message, tag = "1")]
        Structured(super::Halves),
        #[prost(string, tag = "2")]
        Text(String),
    }
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct Halves {
    #[prost(int64, tag = "1")]
    pub most_significant: i64,
    #[prost(int64, tag = "2")]
    pub least_significant: i64,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct Position {
    #[prost(uint64, tag = "1")]
    pub commit: u64,
    #[prost(uint64, tag = "2")]
    pub prepare: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AppendReq {
    #[prost(oneof = "append_req::Content", tags = "1, 2")]
    pub content: Option<append_req::Content>,
}

pub mod append_req {
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Content {
        #[prost(message, tag = "1")]
        Options(super::AppendOptions),
        #[prost(message, tag = "2")]
        Proposed(super::Proposed),
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AppendOptions {
    #[prost(message, optional, tag = "1")]
    pub stream: Option<StreamIdentifier>,
    #[prost(oneof = "append_options::Expected", tags = "2, 3, 4, 5")]
    pub expected: Option<append_options::Expected>,
}

pub mod append_options {
    #[derive(Clone, Copy, PartialEq, prost::Oneof)]
    pub enum Expected {
        #[prost(uint64, tag = "2")]
        Revision(u64),
        #[prost(message, tag = "3")]
        NoStream(()),
        #[prost(message, tag = "4")]
        Any(()),
        #[prost(message, tag = "5")]
        StreamExists(()),
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Proposed {
    #[prost(message, optional, tag = "1")]
    pub id: Option<EventId>,
    #[prost(map = "string, string", tag = "2")]
    pub metadata: HashMap<String, String>,
    #[prost(bytes = "vec", tag = "3")]
    pub custom_metadata: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub data: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AppendResp {
    #[prost(oneof = "append_resp::Result", tags = "1, 2")]
    pub result: Option<append_resp::Result>,
}

pub mod append_resp {
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Result {
        #[prost(message, tag = "1")]
        Success(super::Success),
        #[prost(message, tag = "2")]
        WrongExpectedVersion(super::WrongExpectedVersion),
    }
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct Success {
    #[prost(oneof = "success::Current", tags = "1, 2")]
    pub current: Option<success::Current>,
    #[prost(oneof = "success::At", tags = "3, 4")]
    pub at: Option<success::At>,
}

pub mod success {
    #[derive(Clone, Copy, PartialEq, prost::Oneof)]
    pub enum Current {
        #[prost(uint64, tag = "1")]
        Revision(u64),
        #[prost(message, tag = "2")]
        NoStream(()),
    }
    #[derive(Clone, Copy, PartialEq, prost::Oneof)]
    pub enum At {
        #[prost(message, tag = "3")]
        Position(super::Position),
        #[prost(message, tag = "4")]
        NoPosition(()),
    }
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct WrongExpectedVersion {
    #[prost(oneof = "wrong::Current", tags = "6, 7")]
    pub current: Option<wrong::Current>,
    #[prost(oneof = "wrong::Expected", tags = "8, 9, 10, 11")]
    pub expected: Option<wrong::Expected>,
}

pub mod wrong {
    #[derive(Clone, Copy, PartialEq, prost::Oneof)]
    pub enum Current {
        #[prost(uint64, tag = "6")]
        Revision(u64),
        #[prost(message, tag = "7")]
        NoStream(()),
    }
    #[derive(Clone, Copy, PartialEq, prost::Oneof)]
    pub enum Expected {
        #[prost(uint64, tag = "8")]
        Revision(u64),
        #[prost(message, tag = "9")]
        Any(()),
        #[prost(message, tag = "10")]
        StreamExists(()),
        #[prost(message, tag = "11")]
        NoStream(()),
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ReadReq {
    #[prost(message, optional, tag = "1")]
    pub options: Option<ReadOptions>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ReadOptions {
    #[prost(oneof = "read_options::Of", tags = "1, 2")]
    pub of: Option<read_options::Of>,
    /// 0 forwards, 1 backwards.
    #[prost(int32, tag = "3")]
    pub direction: i32,
    #[prost(oneof = "read_options::Extent", tags = "5, 6")]
    pub extent: Option<read_options::Extent>,
    #[prost(message, optional, tag = "7")]
    pub filter: Option<Filter>,
}

pub mod read_options {
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Of {
        #[prost(message, tag = "1")]
        Stream(super::StreamOptions),
        #[prost(message, tag = "2")]
        All(super::AllOptions),
    }
    #[derive(Clone, Copy, PartialEq, prost::Oneof)]
    pub enum Extent {
        #[prost(uint64, tag = "5")]
        Count(u64),
        #[prost(message, tag = "6")]
        Subscription(()),
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct StreamOptions {
    #[prost(message, optional, tag = "1")]
    pub stream: Option<StreamIdentifier>,
    #[prost(oneof = "stream_options::From", tags = "2, 3, 4")]
    pub from: Option<stream_options::From>,
}

pub mod stream_options {
    #[derive(Clone, Copy, PartialEq, prost::Oneof)]
    pub enum From {
        #[prost(uint64, tag = "2")]
        Revision(u64),
        #[prost(message, tag = "3")]
        Start(()),
        #[prost(message, tag = "4")]
        End(()),
    }
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct AllOptions {
    #[prost(oneof = "all_options::From", tags = "1, 2, 3")]
    pub from: Option<all_options::From>,
}

pub mod all_options {
    #[derive(Clone, Copy, PartialEq, prost::Oneof)]
    pub enum From {
        #[prost(message, tag = "1")]
        Position(super::Position),
        #[prost(message, tag = "2")]
        Start(()),
        #[prost(message, tag = "3")]
        End(()),
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Filter {
    /// Over the names of streams.
    #[prost(message, optional, tag = "1")]
    pub streams: Option<Expression>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Expression {
    #[prost(string, repeated, tag = "2")]
    pub prefixes: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ReadResp {
    #[prost(oneof = "read_resp::Content", tags = "1, 2, 3, 4, 8")]
    pub content: Option<read_resp::Content>,
}

pub mod read_resp {
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Content {
        #[prost(message, tag = "1")]
        Event(super::ReadEvent),
        #[prost(message, tag = "2")]
        Confirmation(super::Confirmation),
        #[prost(message, tag = "3")]
        Checkpoint(super::Position),
        #[prost(message, tag = "4")]
        StreamNotFound(super::StreamNotFound),
        #[prost(message, tag = "8")]
        CaughtUp(()),
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ReadEvent {
    #[prost(message, optional, tag = "1")]
    pub event: Option<Recorded>,
    #[prost(uint64, tag = "3")]
    pub commit: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Recorded {
    #[prost(message, optional, tag = "1")]
    pub id: Option<EventId>,
    #[prost(message, optional, tag = "2")]
    pub stream: Option<StreamIdentifier>,
    #[prost(uint64, tag = "3")]
    pub revision: u64,
    #[prost(uint64, tag = "4")]
    pub prepare: u64,
    #[prost(uint64, tag = "5")]
    pub commit: u64,
    #[prost(map = "string, string", tag = "6")]
    pub metadata: HashMap<String, String>,
    #[prost(bytes = "vec", tag = "7")]
    pub custom_metadata: Vec<u8>,
    #[prost(bytes = "vec", tag = "8")]
    pub data: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Confirmation {
    #[prost(string, tag = "1")]
    pub subscription: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct StreamNotFound {
    #[prost(message, optional, tag = "1")]
    pub stream: Option<StreamIdentifier>,
}

/// What the server can do; by its version alone here.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Supported {
    #[prost(string, tag = "2")]
    pub server_version: String,
}
