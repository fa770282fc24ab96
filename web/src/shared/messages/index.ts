// The texts of the page. Another language is another file of the type `Messages` and a choice made here.
import { en } from './en';

export type Messages = typeof en;
export const m: Messages = en;
