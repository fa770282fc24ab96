// The tabs, and the part of the address that remembers which one is open.
import type { IconName } from '../shared/components/Icon.svelte';

export const TABS = ['look', 'compare', 'people', 'identify', 'liveness'] as const satisfies readonly IconName[];
export type Tab = (typeof TABS)[number];

/** The tab that the address names. `#key=...` is no tab and has been taken out before. */
export function tabInAddress(): Tab {
  return TABS.find((tab) => location.hash === `#${tab}`) ?? 'look';
}
