//! The chat: hub, sessions, frames.
#[allow(missing_docs)]
pub mod frames {
    pub mod negotiation {
        use palabre_events::*;
        use serde::Serialize;
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
        pub struct WirePrice {
            pub cents: u32,
            #[schema(value_type = String)]
            pub currency: Currency,
        }
        impl From<Price> for WirePrice {
            fn from(Price { cents, currency }: Price) -> Self {
                Self { cents, currency }
            }
        }
        #[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
        pub struct WirePlace {
            #[serde(skip_serializing_if = "Option::is_none")]
            pub lat: Option<f64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            pub lon: Option<f64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            pub label: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            pub town: Option<String>,
        }
    }
}
