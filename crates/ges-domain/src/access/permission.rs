//! What can be allowed: the rows of the table of roles (20.1).

/// One row of the table of roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Permission {
    /// See callbacks.
    ViewCallbacks,
    /// Create, edit, reschedule, cancel, recreate and export callbacks, one or many.
    ChangeCallbacks,
    /// See queues.
    ViewQueues,
    /// Assign a Country and Number rule to a queue.
    AssignNumberRule,
    /// Assign a Capacity or Region Affinity rule to a queue.
    AssignQueueRules,
    /// Pause and resume a queue.
    PauseQueue,
    /// See Capacity rules.
    ViewCapacityRules,
    /// Create, edit and delete Capacity rules.
    EditCapacityRules,
    /// See Country and Number rules.
    ViewNumberRules,
    /// Create, edit and delete Country and Number rules.
    EditNumberRules,
    /// See Region Affinity rules.
    ViewRegionRules,
    /// Create, edit and delete Region Affinity rules.
    EditRegionRules,
    /// Create, edit and delete groups of Click-To-Call-In.
    ManageCallInGroups,
    /// See requests of Click-To-Call-In.
    ViewCallIns,
    /// See API errors and validate API keys.
    ViewApiErrors,
    /// Provision credentials: push, CAPTCHA, GWS.
    ManageCredentials,
    /// Look into sessions.
    DiagnoseSessions,
    /// Health in detail, nodes, metrics, the list of tenants.
    DiagnosePlatform,
}

impl Permission {
    /// Every permission, in the order of the table.
    pub const ALL: [Self; 18] = [
        Self::ViewCallbacks,
        Self::ChangeCallbacks,
        Self::ViewQueues,
        Self::AssignNumberRule,
        Self::AssignQueueRules,
        Self::PauseQueue,
        Self::ViewCapacityRules,
        Self::EditCapacityRules,
        Self::ViewNumberRules,
        Self::EditNumberRules,
        Self::ViewRegionRules,
        Self::EditRegionRules,
        Self::ManageCallInGroups,
        Self::ViewCallIns,
        Self::ViewApiErrors,
        Self::ManageCredentials,
        Self::DiagnoseSessions,
        Self::DiagnosePlatform,
    ];

    /// Its name in stores and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ViewCallbacks => "callbacks.view",
            Self::ChangeCallbacks => "callbacks.change",
            Self::ViewQueues => "queues.view",
            Self::AssignNumberRule => "queues.assign-number-rule",
            Self::AssignQueueRules => "queues.assign-rules",
            Self::PauseQueue => "queues.pause",
            Self::ViewCapacityRules => "capacity-rules.view",
            Self::EditCapacityRules => "capacity-rules.edit",
            Self::ViewNumberRules => "number-rules.view",
            Self::EditNumberRules => "number-rules.edit",
            Self::ViewRegionRules => "region-rules.view",
            Self::EditRegionRules => "region-rules.edit",
            Self::ManageCallInGroups => "call-in-groups.manage",
            Self::ViewCallIns => "call-ins.view",
            Self::ViewApiErrors => "api-errors.view",
            Self::ManageCredentials => "credentials.manage",
            Self::DiagnoseSessions => "sessions.diagnose",
            Self::DiagnosePlatform => "platform.diagnose",
        }
    }

    const fn bit(self) -> u32 {
        1 << self as u8
    }
}

/// A set of permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions(u32);

impl Permissions {
    /// Every permission there is.
    pub fn all() -> Self {
        Permission::ALL.into_iter().collect()
    }

    /// Whether this is allowed.
    pub const fn allow(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Whether nothing is allowed.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What either set allows (R-RB-3).
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Everything allowed, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.into_iter().filter(move |permission| self.allow(*permission))
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().fold(0, |bits, permission| bits | permission.bit()))
    }
}
