//! What all calls of an edge share, made of its configuration and of what it serves. Refuses what could not be served.
//!
//! Knows nothing of calls.

use bytes::Bytes;
use http::HeaderName;

use crate::call::Retries;
use crate::config::{Config, Error};
use crate::cors::Cors;
use crate::descriptors::Descriptors;
use crate::documents::{self, Shelf};
use crate::limits::Limits;
use crate::load::Load;
use crate::meters::Meters;
use crate::problem::Details;
use crate::route::{Route, Routes};

/// What all calls share.
#[derive(Debug)]
pub(crate) struct Core {
    routes: Routes,
    details: Details,
    limits: Limits,
    request_headers: Vec<HeaderName>,
    cors: Cors,
    retries: Retries,
    shelf: Shelf,
    load: Load,
    meters: Option<Meters>,
    has_health: bool,
}

/// Where an edge says that it is there, unless a route takes it.
pub(crate) const HEALTH: &str = "/healthz";

impl Core {
    /// Compiles this descriptor set and service config, whatever others the configuration has.
    pub(crate) fn compile(
        config: &Config,
        descriptor_set: Bytes,
        service_config: Option<&str>,
        load: Load,
    ) -> Result<Self, Error> {
        let options = config.limits.options();
        let descriptors =
            Descriptors::load(&descriptor_set, options.clone())?.with_service_config(service_config)?;
        let routes = Routes::compile(&descriptors)?;
        let shelf = match &config.documents {
            Some(about) => Shelf::fill(about, descriptor_set, &descriptors, &routes),
            None => Shelf::default(),
        };
        let details = Details::new(
            config.error_domain.clone(),
            &descriptors.pool,
            &descriptors.codec,
            options,
        )?;
        Ok(Self {
            has_health: documents::has_path(HEALTH, &routes),
            routes,
            details,
            limits: config.limits.clone(),
            request_headers: config.request_headers.clone(),
            cors: Cors::new(&config.cors_origins, &config.request_headers),
            retries: Retries::new(config.meters.clone()),
            shelf,
            load,
            meters: config.meters.clone(),
        })
    }

    pub(crate) fn cors(&self) -> &Cors {
        &self.cors
    }

    /// Whether [`HEALTH`] is the edge's own.
    pub(crate) fn has_health(&self) -> bool {
        self.has_health
    }

    pub(crate) fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    pub(crate) fn load(&self) -> &Load {
        &self.load
    }

    pub(crate) fn routes(&self) -> &Routes {
        &self.routes
    }

    pub(crate) fn route(&self, index: usize) -> &Route {
        self.routes.get(index)
    }

    pub(crate) fn details(&self) -> &Details {
        &self.details
    }

    pub(crate) fn retries(&self) -> &Retries {
        &self.retries
    }

    pub(crate) const fn meters(&self) -> Option<&Meters> {
        self.meters.as_ref()
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn request_headers(&self) -> &[HeaderName] {
        &self.request_headers
    }
}
