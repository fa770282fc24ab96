// What the management API takes and gives, out of its description.
import type { components } from '../api/admin';

type Shapes = components['schemas'];

export type Me = Shapes['Me'];
export type Account = Shapes['Account'];
export type NewAccount = Shapes['NewAccount'];
export type Change = Shapes['Change'];
export type Approvals = Shapes['Approvals'];
export type NetworkRules = Shapes['NetworkRules'];
export type NetworkRule = NetworkRules['rules'][number];
export type Principal = Shapes['Principal'];
export type Role = Shapes['Role'];
export type NewRole = Shapes['NewRole'];
export type RetentionRow = Shapes['RetentionRow'];
export type Encryption = Shapes['Encryption'];
export type Encryptions = Shapes['Encryptions'];
export type Notice = Shapes['Notice'];
export type KeyPair = Shapes['Keys'];
export type TokenReport = Shapes['TokenReport'];
export type AuditRow = Shapes['AuditRow'];
export type Verified = Shapes['Verified'];
export type Usage = Shapes['Usage'][number];
/** Templates of enrolled faces of one account by one recogniser. */
export type HeldTemplates = Shapes['Recognisers'][number];
/** Who is meant: everybody whom one of these fits. */
export type Person = Shapes['Person'];
export type PersonReport = Shapes['Held'];

/** What whoever opened the page may do with one account. */
export interface May {
  operate: boolean;
  manage: boolean;
  assignRoles: boolean;
  listKeys: boolean;
  readPersons: boolean;
  erasePersons: boolean;
}

export const FLAGS = ['Face.Identification', 'Face.Verification', 'LimitedAccess.HighRisk'] as const;
export const ATTRIBUTES = ['age', 'smile', 'facialHair', 'hair'] as const;
export const TIERS = ['F0', 'S0', 'E0', 'unlimited'] as const;
export const LONGEST_GRACE_DAYS = 30;

/** Names of roles as they are sent, shortest power first. */
export const ROLES = [
  'Cognitive Services Face Recognizer',
  'Cognitive Services Data Reader',
  'Cognitive Services User',
  'Cognitive Services Contributor',
  'Owner',
] as const;
