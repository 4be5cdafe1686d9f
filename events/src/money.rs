//! Prices: whole cents of one currency. No arithmetic with fractions, no conversion.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A three-letter ISO 4217 code, upper case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    /// The euro.
    pub const EUR: Self = Self(*b"EUR");
}

/// What is not a currency code.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a currency code of three capital letters, such as EUR")]
pub struct NotACurrency;

impl FromStr for Currency {
    type Err = NotACurrency;
    fn from_str(text: &str) -> Result<Self, NotACurrency> {
        let code: [u8; 3] = text.as_bytes().try_into().map_err(|_| NotACurrency)?;
        code.iter().all(u8::is_ascii_uppercase).then_some(Self(code)).ok_or(NotACurrency)
    }
}

impl TryFrom<String> for Currency {
    type Error = NotACurrency;
    fn try_from(text: String) -> Result<Self, NotACurrency> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(code: Currency) -> Self {
        code.to_string()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.0).expect("a currency code is ASCII"))
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A price of one seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Price {
    /// Whole cents.
    pub cents: u32,
    /// Of this currency.
    pub currency: Currency,
}

impl Price {
    /// The highest price of one seat that is taken: 1,000 units. Carpooling shares costs; more is a typing error.
    pub const CENTS_MAX: u32 = 100_000;
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02} {}", self.cents / 100, self.cents % 100, self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_is_three_capital_letters() {
        assert_eq!("EUR".parse(), Ok(Currency::EUR));
        for text in ["", "eur", "EU", "EURO", "EU1", "ÉUR", "E R"] {
            assert_eq!(text.parse::<Currency>(), Err(NotACurrency), "{text}");
        }
    }

    #[test]
    fn a_price_is_written_with_its_currency() {
        assert_eq!(Price { cents: 1205, currency: Currency::EUR }.to_string(), "12.05 EUR");
        let written = serde_json::to_string(&Price { cents: 0, currency: Currency::EUR }).unwrap();
        assert_eq!(written, r#"{"cents":0,"currency":"EUR"}"#);
        for wrong in [r#"{"cents":-1,"currency":"EUR"}"#, r#"{"cents":1.5,"currency":"EUR"}"#, r#"{"cents":1}"#] {
            assert!(serde_json::from_str::<Price>(wrong).is_err(), "{wrong}");
        }
    }
}
