//! Settings, in Harbor's forms: shown as value and whether they can be changed, changed by their values alone.

use std::collections::BTreeMap;

use longshore_accounts::Setting;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::api::{Api, request::ApiRequest, response::ApiResponse, route::Reply};

/// A setting.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SettingReply {
    /// A text, a number, true or false.
    value: Value,
    /// Whether it can be changed here. What cannot is said by the configuration file, or the same in every registry.
    editable: bool,
}

/// `PUT /configurations`: values by the names of the settings.
pub(crate) type SettingsBody = Map<String, Value>;

impl From<Setting> for SettingReply {
    fn from(Setting { value, editable }: Setting) -> Self {
        Self { value, editable }
    }
}

/// `GET /configurations`.
pub(crate) async fn show(api: &Api, _: ApiRequest) -> Reply {
    let settings = api.accounts.configuration().await?;
    let settings: BTreeMap<_, _> =
        settings.into_iter().map(|(key, setting)| (key, SettingReply::from(setting))).collect();
    Ok(ApiResponse::json(&settings))
}

/// `PUT /configurations`.
pub(crate) async fn update(api: &Api, mut request: ApiRequest) -> Reply {
    let body: SettingsBody = request.json().await?;
    api.accounts.change_configuration(&request.act(), &body).await?;
    api.use_configuration();
    Ok(ApiResponse::done())
}
