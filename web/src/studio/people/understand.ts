// From file names to people: a subfolder for each person, or flat files named after them. Pure, so easy to check.

export interface FoundFile {
  /** Path below what was chosen or dropped, with `/`. */
  path: string;
  file: File;
}

export interface UnderstoodPerson {
  name: string;
  photos: File[];
}

export interface Understood {
  /** A name for the group: the folder's, or nothing. */
  groupName: string;
  people: UnderstoodPerson[];
  /** Names of files that are no pictures. */
  ignored: string[];
}

/** Files that systems leave in folders; not worth a word. */
const LITTER = /^(\.|thumbs\.db$|desktop\.ini$)/i;
const PICTURE = /\.(jpe?g|jfif|png|gif|bmp|webp|hei[cf]|avif|tiff?)$/i;
/** The API's bound. */
const LONGEST_NAME = 128;

export function understand(found: FoundFile[]): Understood {
  const files = found
    .map(({ path, file }) => ({ file, parts: path.split('/').filter(Boolean) }))
    .filter(({ parts }) => parts.length > 0 && !parts.some((part) => LITTER.test(part)));
  const root = commonRoot(files.map(({ parts }) => parts));
  const people = new Map<string, File[]>();
  const ignored: string[] = [];
  for (const { file, parts } of files) {
    if (!PICTURE.test(file.name) && !file.type.startsWith('image/')) {
      ignored.push(file.name);
      continue;
    }
    const name = personOf(root === undefined ? parts : parts.slice(1), root);
    people.set(name, [...(people.get(name) ?? []), file]);
  }
  return {
    groupName: root ?? '',
    people: [...people]
      .map(([name, photos]) => ({ name, photos: photos.sort(byName) }))
      .sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true })),
    ignored: ignored.sort(),
  };
}

/** The one folder that everything lies in, if there is one. */
function commonRoot(paths: string[][]): string | undefined {
  const first = paths[0];
  if (first === undefined || first.length < 2) return undefined;
  return paths.every((parts) => parts.length > 1 && parts[0] === first[0]) ? first[0] : undefined;
}

function personOf(parts: string[], root: string | undefined): string {
  const [first = '', ...deeper] = parts;
  const name = deeper.length > 0 ? first : withoutNumber(first);
  return (name || root || first).slice(0, LONGEST_NAME);
}

/** `Ann_2.jpg` and `Ann (2).jpg` are Ann; a name that is only a number names nobody. */
function withoutNumber(fileName: string): string {
  const stem = fileName.replace(/\.[^.]+$/, '');
  return stem.replace(/[\s._-]*\(?\d*\)?[\s._-]*$/, '').trim();
}

const byName = (a: File, b: File): number => a.name.localeCompare(b.name, undefined, { numeric: true });

/** An id that the API accepts, made from a name, different from those that are taken. */
export function groupIdOf(name: string, taken: ReadonlySet<string>): string {
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/-{2,}/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 56);
  const stem = plain || 'group';
  for (let count = 1; ; count++) {
    const id = count === 1 ? stem : `${stem}-${count}`;
    if (!taken.has(id)) return id;
  }
}
