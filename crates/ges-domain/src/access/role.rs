//! The five roles and what each may do (20.1).

use super::{Permission, Permissions};

/// A callback role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Role {
    /// Runs callbacks as a whole.
    Administrator,
    /// Runs callbacks day by day.
    Supervisor,
    /// Looks.
    Monitor,
    /// Integrates.
    Developer,
    /// Runs the platform.
    DevOps,
}

impl Role {
    /// Every role, in the order of the table.
    pub const ALL: [Self; 5] = [Self::Administrator, Self::Supervisor, Self::Monitor, Self::Developer, Self::DevOps];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "Administrator",
            Self::Supervisor => "Supervisor",
            Self::Monitor => "Monitor",
            Self::Developer => "Developer",
            Self::DevOps => "DevOps",
        }
    }

    /// Reads the name of a role object or an option, with or without `Callback ` before it, in any case. DevOps is no role of
    /// the configuration: groups give it (R-RB-2).
    pub fn named(text: &str) -> Option<Self> {
        let text = text.trim();
        let own = match text.split_once(' ') {
            Some((first, rest)) if first.eq_ignore_ascii_case("callback") => rest.trim_start(),
            _ => text,
        };
        let given = Self::ALL.into_iter().filter(|role| *role != Self::DevOps);
        given.into_iter().find(|role| own.eq_ignore_ascii_case(role.as_str()))
    }

    /// The column of the table of roles.
    pub fn permissions(self) -> Permissions {
        Permission::ALL.into_iter().filter(|permission| permission.roles().contains(&self)).collect()
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Permission {
    /// Who has it: the row of the table of roles.
    pub const fn roles(self) -> &'static [Role] {
        use Role::{Administrator, DevOps, Developer, Monitor, Supervisor};
        match self {
            Self::ViewCallbacks | Self::ViewQueues | Self::ViewCapacityRules | Self::ViewNumberRules => {
                &[Administrator, Supervisor, Monitor, Developer, DevOps]
            }
            Self::ChangeCallbacks | Self::AssignNumberRule | Self::EditNumberRules => {
                &[Administrator, Supervisor, Developer]
            }
            Self::AssignQueueRules | Self::EditCapacityRules | Self::EditRegionRules => &[Administrator],
            Self::PauseQueue | Self::ViewRegionRules => &[Administrator, DevOps],
            Self::ManageCallInGroups | Self::ManageCredentials => &[Administrator, Developer],
            Self::ViewCallIns => &[Administrator, Supervisor, Developer, DevOps],
            Self::ViewApiErrors | Self::DiagnoseSessions => &[Administrator, Developer, DevOps],
            Self::DiagnosePlatform => &[DevOps],
        }
    }
}

/// A set of roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Roles(u8);

impl Roles {
    /// Whether this role is one of them.
    pub const fn has(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// These and one more.
    #[must_use]
    pub const fn with(self, role: Role) -> Self {
        Self(self.0 | role.bit())
    }

    /// In the order of the table.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.has(*role))
    }

    /// What all of them together may do (R-RB-3, P-18).
    pub fn permissions(self) -> Permissions {
        self.iter().fold(Permissions::default(), |all, role| all.and(role.permissions()))
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        roles.into_iter().fold(Self::default(), Self::with)
    }
}
