// Writes a Brotli and a gzip copy beside every file worth it, so that the server never compresses while it answers.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const worth = new Set(['.html', '.js', '.css', '.svg', '.json', '.webmanifest', '.txt']);
const folder = new URL('../dist/', import.meta.url).pathname;
let plain = 0;
let small = 0;

for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !worth.has(extname(entry.name))) continue;
  const file = join(entry.parentPath, entry.name);
  const bytes = await readFile(file);
  const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } });
  await writeFile(`${file}.br`, brotli);
  await writeFile(`${file}.gz`, gzipSync(bytes, { level: 9 }));
  plain += bytes.length;
  small += brotli.length;
}
console.log(`compressed ${plain} bytes to ${small} with Brotli`);
