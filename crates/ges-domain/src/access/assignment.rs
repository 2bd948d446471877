//! From what the configuration says about a user to roles (20.2).

use super::{Permissions, Role, Roles};

/// What the configuration says about a user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Claims {
    /// Names of the access groups the user is in.
    pub groups: Vec<String>,
    /// Names of the role objects the user has, directly or through groups.
    pub roles: Vec<String>,
    /// The role option of a legacy section on the user's own object: names with commas between them.
    pub legacy: Option<String>,
}

/// How roles are given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Access groups, or role objects, whose members are DevOps (R-RB-2).
    pub devops: Vec<String>,
    /// Companies whose groups give roles (R-RB-1); none: any company's, which takes in groups of other products that are named alike.
    pub companies: Vec<String>,
    /// Whether a user without any role may do everything (R-RB-5).
    pub open_by_default: bool,
}

impl Default for Assignment {
    /// Three platform groups are DevOps; nobody without a role gets in.
    fn default() -> Self {
        let devops = ["Platform Read Only", "Platform Provisioning", "Platform Internal Administrator"];
        Self { devops: devops.map(str::to_owned).into(), companies: Vec::new(), open_by_default: false }
    }
}

/// Groups that give a role of their own; the first three carry the name of the company before it (R-RB-1).
const OF_COMPANY: [(&str, Role); 3] =
    [("Administrators", Role::Administrator), ("Supervisors", Role::Supervisor), ("Managers", Role::Monitor)];
const DEVELOPERS: &str = "Callback Developers";

/// What stands before `plain` in `name`: nothing, or a company and a space.
fn company<'a>(name: &'a str, plain: &str) -> Option<&'a str> {
    let name = name.trim();
    let at = name.len().checked_sub(plain.len()).filter(|at| name.is_char_boundary(*at))?;
    let (prefix, rest) = name.split_at(at);
    let fits = rest.eq_ignore_ascii_case(plain) && (prefix.is_empty() || prefix.ends_with(' '));
    fits.then_some(prefix.trim())
}

fn same(one: &str, other: &str) -> bool {
    one.trim().eq_ignore_ascii_case(other.trim())
}

impl Assignment {
    /// The roles of a user. A legacy role that reads wins over groups and role objects (R-RB-4); otherwise all add up (R-RB-1,
    /// R-RB-3). Membership of a platform group gives DevOps in either case (R-RB-2): it is no callback role that the legacy
    /// section could speak of.
    pub fn roles(&self, claims: &Claims) -> Roles {
        let legacy: Roles = claims.legacy.iter().flat_map(|names| names.split(',')).filter_map(Role::named).collect();
        let given = if legacy.is_empty() { self.given(claims) } else { legacy };
        let names = || claims.groups.iter().chain(&claims.roles);
        let devops = self.devops.iter().any(|devops| names().any(|name| same(name, devops)));
        if devops { given.with(Role::DevOps) } else { given }
    }

    fn given(&self, claims: &Claims) -> Roles {
        let by_group = claims.groups.iter().filter_map(|group| self.of_group(group));
        let by_role =
            claims.roles.iter().filter(|name| starts_with_callback(name)).filter_map(|name| Role::named(name));
        by_group.chain(by_role).collect()
    }

    fn of_group(&self, group: &str) -> Option<Role> {
        // A platform group is DevOps and nothing else, whatever its name ends with.
        if self.devops.iter().any(|devops| same(devops, group)) {
            return None;
        }
        let ours = |plain: &str| {
            company(group, plain).is_some_and(|company| {
                let known = || self.companies.iter().any(|known| same(known, company));
                company.is_empty() || self.companies.is_empty() || known()
            })
        };
        if ours(DEVELOPERS) {
            return Some(Role::Developer);
        }
        OF_COMPANY.into_iter().find(|(name, _)| ours(name)).map(|(_, role)| role)
    }

    /// What a user with these roles may do; without any role nothing, unless the deployment is open (R-RB-5).
    pub fn permissions(&self, roles: Roles) -> Permissions {
        if roles.is_empty() && self.open_by_default { Permissions::all() } else { roles.permissions() }
    }
}

/// Role objects of other products are named `Administrator` too.
fn starts_with_callback(name: &str) -> bool {
    name.trim_start().get(..9).is_some_and(|start| start.eq_ignore_ascii_case("callback "))
}
