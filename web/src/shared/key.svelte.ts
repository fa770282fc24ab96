// The key of the Face API, for every page that looks at faces.
import { Key } from './keys.svelte';

export const key = new Key('likeness-key');
