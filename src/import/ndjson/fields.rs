//! The fields of a JSON object, each taken once and by type; what is left over is refused.

use crate::domain::catalog::Attributes;
use crate::domain::ids::InvalidId;
use crate::domain::money::{Currency, Money};
use crate::domain::time::Timestamp;
use crate::import::check::Flaw;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// An object and the path to it. `null` is as good as absent.
pub(super) struct Fields {
    path: String,
    map: Map<String, Value>,
}

impl Fields {
    pub(super) fn new(map: Map<String, Value>) -> Self {
        Self {
            path: String::new(),
            map,
        }
    }

    /// What is wrong with a field.
    pub(super) fn flaw(&self, name: &str, message: impl Into<String>) -> Flaw {
        Flaw {
            field: self.join(name),
            message: message.into(),
        }
    }

    fn join(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    fn value(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name).filter(|value| !value.is_null())
    }

    fn required<T>(&self, name: &str, value: Option<T>) -> Result<T, Flaw> {
        value.ok_or_else(|| self.flaw(name, "is required"))
    }

    pub(super) fn optional_text(&mut self, name: &str) -> Result<Option<String>, Flaw> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.flaw(name, "must be a string")),
        }
    }

    pub(super) fn text(&mut self, name: &str) -> Result<String, Flaw> {
        let text = self.optional_text(name)?;
        self.required(name, text)
    }

    pub(super) fn text_or_empty(&mut self, name: &str) -> Result<String, Flaw> {
        Ok(self.optional_text(name)?.unwrap_or_default())
    }

    pub(super) fn optional_id<T>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, InvalidId>,
    ) -> Result<Option<T>, Flaw> {
        let text = self.optional_text(name)?;
        text.map(|text| parse(&text).map_err(|error| self.flaw(name, error.to_string())))
            .transpose()
    }

    pub(super) fn id<T>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, InvalidId>,
    ) -> Result<T, Flaw> {
        let id = self.optional_id(name, parse)?;
        self.required(name, id)
    }

    pub(super) fn flag(&mut self, name: &str, default: bool) -> Result<bool, Flaw> {
        match self.value(name) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(self.flaw(name, "must be true or false")),
        }
    }

    pub(super) fn optional_count(&mut self, name: &str) -> Result<Option<u64>, Flaw> {
        let most = u64::from(u32::MAX);
        match self.value(name).map(|value| value.as_u64()) {
            None => Ok(None),
            Some(Some(count)) if count <= most => Ok(Some(count)),
            Some(_) => Err(self.flaw(name, format!("must be a whole number from 0 to {most}"))),
        }
    }

    pub(super) fn optional_u32(&mut self, name: &str) -> Result<Option<u32>, Flaw> {
        let count = self.optional_count(name)?;
        Ok(count.and_then(|count| u32::try_from(count).ok()))
    }

    pub(super) fn optional_object(&mut self, name: &str) -> Result<Option<Self>, Flaw> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Self {
                path: self.join(name),
                map,
            })),
            Some(_) => Err(self.flaw(name, "must be an object")),
        }
    }

    pub(super) fn optional_money(&mut self, name: &str) -> Result<Option<Money>, Flaw> {
        let Some(mut fields) = self.optional_object(name)? else {
            return Ok(None);
        };
        let amount = fields.value("amount");
        let amount = fields.required("amount", amount)?;
        let amount = amount
            .as_i64()
            .ok_or_else(|| fields.flaw("amount", "must be a whole number of minor units"))?;
        let currency = Currency::parse(&fields.text("currency")?)
            .map_err(|error| fields.flaw("currency", error.to_string()))?;
        let money = Money::new(amount, currency)
            .map_err(|_| fields.flaw("amount", format!("must be at most {}", Money::MAX_AMOUNT)))?;
        fields.end()?;
        Ok(Some(money))
    }

    pub(super) fn money(&mut self, name: &str) -> Result<Money, Flaw> {
        let money = self.optional_money(name)?;
        self.required(name, money)
    }

    /// An instant in RFC 3339.
    pub(super) fn optional_time(&mut self, name: &str) -> Result<Option<Timestamp>, Flaw> {
        let Some(text) = self.optional_text(name)? else {
            return Ok(None);
        };
        OffsetDateTime::parse(&text, &Rfc3339)
            .ok()
            .and_then(|time| i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000_000)).ok())
            .map(|millis| Some(Timestamp(millis)))
            .ok_or_else(|| self.flaw(name, "must be a time such as 2025-01-18T10:00:00Z"))
    }

    fn list(&mut self, name: &str) -> Result<Vec<Value>, Flaw> {
        match self.value(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(values)) => Ok(values),
            Some(_) => Err(self.flaw(name, "must be a list")),
        }
    }

    pub(super) fn texts(&mut self, name: &str) -> Result<Vec<String>, Flaw> {
        let values = self.list(name)?.into_iter().enumerate();
        let texts = values.map(|(index, value)| match value {
            Value::String(text) => Ok(text),
            _ => Err(self.flaw(&format!("{name}[{index}]"), "must be a string")),
        });
        texts.collect()
    }

    pub(super) fn objects(&mut self, name: &str) -> Result<Vec<Self>, Flaw> {
        let values = self.list(name)?.into_iter().enumerate();
        let objects = values.map(|(index, value)| {
            let name = format!("{name}[{index}]");
            match value {
                Value::Object(map) => Ok(Self {
                    path: self.join(&name),
                    map,
                }),
                _ => Err(self.flaw(&name, "must be an object")),
            }
        });
        objects.collect()
    }

    pub(super) fn attributes(&mut self, name: &str) -> Result<Attributes, Flaw> {
        let Some(fields) = self.optional_object(name)? else {
            return Ok(Attributes::new());
        };
        let path = fields.path;
        let pairs = fields.map.into_iter().map(|(name, value)| match value {
            Value::String(text) => Ok((name, text)),
            _ => Err(Flaw {
                field: format!("{path}.{name}"),
                message: "must be a string".to_owned(),
            }),
        });
        pairs.collect()
    }

    /// Refuses what was not asked for.
    pub(super) fn end(self) -> Result<(), Flaw> {
        match self.map.keys().next() {
            None => Ok(()),
            Some(name) => Err(self.flaw(name, "is unknown: no such field in this record")),
        }
    }
}
