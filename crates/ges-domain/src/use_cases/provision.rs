//! Provisioning services from a document (R-CFG-1 to R-CFG-3): what an operator applies before any publisher exists.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::call_in::Group;
use crate::capacity::CapacityRule;
use crate::hours::{Hours, OfficeHours};
use crate::phone::{BadNumberRule, NumberRule, NumberingPlan};
use crate::ports::{CallIns, Catalogue, RuleRemoved, ServiceRow, StoreError};
use crate::region::RegionRule;
use crate::service::{BadSetting, Settings};
use crate::{ServiceName, TenantId, throttle};

/// What one tenant is to have. Everything not named stays as it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Provisioning {
    /// The contact center id.
    pub tenant: TenantId,
    /// Limits of the tenant (R-THR-1).
    #[serde(default)]
    pub throttle: Option<throttle::Settings>,
    /// Business Hours objects.
    #[serde(default)]
    pub business_hours: Vec<OfficeHours>,
    /// Capacity rules.
    #[serde(default)]
    pub capacity_rules: Vec<CapacityRule>,
    /// Country and Number rules.
    #[serde(default)]
    pub number_rules: Vec<NumberRule>,
    /// Names of Country and Number rules that go, once the services have what they are to have (R-NV-12).
    #[serde(default)]
    pub removed_number_rules: Vec<String>,
    /// Region Affinity rules.
    #[serde(default)]
    pub region_rules: Vec<RegionRule>,
    /// Groups of Click-To-Call-In.
    #[serde(default)]
    pub call_in_groups: Vec<Group>,
    /// Services, one row each.
    #[serde(default)]
    pub services: Vec<ServiceDocument>,
}

/// One row of CALLBACK_SETTINGS with its name and its rule.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceDocument {
    /// The virtual queue.
    pub service_name: ServiceName,
    /// The Capacity rule assigned to it.
    #[serde(default)]
    pub capacity_rule: Option<String>,
    /// The Country and Number rule assigned to it.
    #[serde(default)]
    pub number_rule: Option<String>,
    /// The Region Affinity rule assigned to it.
    #[serde(default)]
    pub region_rule: Option<String>,
    /// The settings, under their canonical keys.
    #[serde(flatten)]
    pub settings: Settings,
}

/// Why a row was left out (R-CFG-1).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// A cell is missing or out of range.
    #[error(transparent)]
    Setting(#[from] BadSetting),
    /// The row refers to Business Hours that do not exist (R-CFG-2).
    #[error("businessHours names unknown business hours")]
    UnknownHours,
    /// The row refers to a Capacity rule that was not given.
    #[error("capacityRule names a rule that is not in the document")]
    UnknownRule,
    /// The row refers to a Country and Number rule that was not given or is not good.
    #[error("numberRule names a rule that is not in the document or was rejected")]
    UnknownNumberRule,
    /// The row refers to a Region Affinity rule that was not given.
    #[error("regionRule names a rule that is not in the document")]
    UnknownRegionRule,
    /// A rule needs business hours with a zone (R-CR-6).
    #[error("capacityRule needs businessHours, whose zone it is read in")]
    NoBusinessHours,
}

/// Why a Country and Number rule was left as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// It is no rule.
    #[error(transparent)]
    Bad(#[from] BadNumberRule),
    /// The tenant has as many rules as it may have (R-NV-10).
    #[error("is one more than the {} rules that a tenant may have", NumberRule::MOST)]
    TooMany,
    /// It was to be removed and services have it (R-NV-12).
    #[error("is not removed because services have it: {}", .0.iter().map(ServiceName::as_str).collect::<Vec<_>>().join(", "))]
    InUse(Vec<ServiceName>),
}

/// What was applied and what was not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Provisioned {
    /// Services that have their new settings.
    pub applied: Vec<ServiceName>,
    /// Services left as they were, each with its cause.
    pub rejected: Vec<(ServiceName, RowError)>,
    /// Country and Number rules left as they were, each with its cause.
    pub rejected_rules: Vec<(String, RuleError)>,
}

/// Applies provisioning documents.
pub struct Provision {
    /// What is provisioned.
    pub catalogue: Arc<dyn Catalogue>,
    /// Groups of Click-To-Call-In.
    pub call_ins: Arc<dyn CallIns>,
    /// What compiles the expressions of number rules (R-NV-9).
    pub plan: Arc<dyn NumberingPlan>,
}

impl Provision {
    /// Stores hours and rules, then every good row; a bad row leaves its service as it was (R-CFG-1). Removes rules last.
    /// At most [`NumberRule::MOST`] number rules are stored (R-NV-10), and none is removed that a service has (R-NV-12).
    ///
    /// # Errors
    /// [`StoreError`]: some of it may have been applied; applying it again is safe.
    pub async fn run(&self, document: &Provisioning) -> Result<Provisioned, StoreError> {
        let tenant = document.tenant;
        if let Some(settings) = &document.throttle {
            self.catalogue.put_tenant_throttle(tenant, settings).await?;
        }
        for hours in &document.business_hours {
            self.catalogue.put_hours(tenant, hours).await?;
        }
        for rule in &document.capacity_rules {
            self.catalogue.put_capacity_rule(tenant, rule).await?;
        }
        let mut outcome = Provisioned::default();
        for rule in &document.number_rules {
            match rule.check(&*self.plan) {
                Ok(()) if self.catalogue.put_number_rule(tenant, rule).await? => {}
                Ok(()) => outcome.rejected_rules.push((rule.name().to_owned(), RuleError::TooMany)),
                Err(error) => outcome.rejected_rules.push((rule.name().to_owned(), error.into())),
            }
        }
        for rule in &document.region_rules {
            self.catalogue.put_region_rule(tenant, rule).await?;
        }
        for group in &document.call_in_groups {
            self.call_ins.put_group(tenant, group).await?;
        }
        for row in &document.services {
            let name = row.service_name.clone();
            match self.check(document, row, &outcome).await? {
                Err(error) => outcome.rejected.push((name, error)),
                Ok(()) => {
                    let row = ServiceRow {
                        name: name.clone(),
                        settings: row.settings.clone(),
                        capacity_rule: row.capacity_rule.clone(),
                        number_rule: row.number_rule.clone(),
                        region_rule: row.region_rule.clone(),
                    };
                    self.catalogue.put_service(tenant, &row).await?;
                    outcome.applied.push(name);
                }
            }
        }
        for rule in &document.removed_number_rules {
            if let RuleRemoved::InUse(services) = self.catalogue.remove_number_rule(tenant, rule).await? {
                outcome.rejected_rules.push((rule.clone(), RuleError::InUse(services)));
            }
        }
        Ok(outcome)
    }

    async fn check(
        &self,
        document: &Provisioning,
        row: &ServiceDocument,
        so_far: &Provisioned,
    ) -> Result<Result<(), RowError>, StoreError> {
        if let Err(error) = row.settings.check() {
            return Ok(Err(error.into()));
        }
        if let Some(rule) = &row.capacity_rule {
            if row.settings.business_hours.is_none() {
                return Ok(Err(RowError::NoBusinessHours));
            }
            if !document.capacity_rules.iter().any(|given| given.name() == rule) {
                return Ok(Err(RowError::UnknownRule));
            }
        }
        if let Some(rule) = &row.number_rule {
            let given = document.number_rules.iter().any(|given| given.name() == rule);
            if !given || so_far.rejected_rules.iter().any(|(rejected, _)| rejected == rule) {
                return Ok(Err(RowError::UnknownNumberRule));
            }
        }
        if let Some(rule) = &row.region_rule
            && !document.region_rules.iter().any(|given| given.name() == rule)
        {
            return Ok(Err(RowError::UnknownRegionRule));
        }
        let Some(hours) = &row.settings.business_hours else { return Ok(Ok(())) };
        let known = matches!(self.catalogue.hours(document.tenant, hours).await?, Some(Hours::Kept(_)));
        Ok(if known { Ok(()) } else { Err(RowError::UnknownHours) })
    }
}
