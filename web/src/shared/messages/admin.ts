// The texts of the admin page. Another language is another file of this type and a choice made here.
import { enAdmin } from './en-admin';

export type AdminMessages = typeof enAdmin;
export const a: AdminMessages = enAdmin;
