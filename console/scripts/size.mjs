// Prints what the built page loads, gzipped: the first page, and each part that comes later.
// Fails when the first page has more than its limit.
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const LIMIT_KB = 400;
const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const manifest = JSON.parse(readFileSync(`${dist}.vite/manifest.json`, 'utf8'));
const size = (file) => gzipSync(readFileSync(dist + file), { level: 9 }).length;
const kb = (bytes) => `${(bytes / 1000).toFixed(1).padStart(7)} KB`;

/** Files that come with this part of the manifest: itself, what it imports, their style. */
function files(key, seen = new Set()) {
  if (seen.has(key)) return [];
  seen.add(key);
  const part = manifest[key];
  const imported = (part.imports ?? []).flatMap((other) => files(other, seen));
  return [part.file, ...(part.css ?? []), ...imported];
}
const total = (list) => list.reduce((sum, file) => sum + size(file), 0);
const unique = (list) => [...new Set(list)];

/** What the browser has when a page is there: the entry, and what the page's own part adds. */
function report(name, keys, before = []) {
  const list = unique(keys.flatMap((key) => files(key))).filter((file) => !before.includes(file));
  const of = (end) => list.filter((file) => file.endsWith(end));
  console.log(
    `${kb(total(list))}  ${name.padEnd(34)} script${kb(total(of('.js')))}  style${kb(total(of('.css')))}`,
  );
  return list;
}

const entry = Object.keys(manifest).find((key) => manifest[key].isEntry);
const devices = Object.keys(manifest).find((key) => key.endsWith('devices/DevicesView.tsx'));
console.log('gzipped');
const base = report('every page', [entry]);
const first = report('first page (with the devices)', devices ? [entry, devices] : [entry]);
for (const key of Object.keys(manifest).filter((one) => manifest[one].isDynamicEntry)) {
  report(`  later: ${manifest[key].name}`, [key], base);
}
const fonts = readdirSync(`${dist}assets`).filter((file) => file.endsWith('.woff2'));
console.log(`${fonts.length} fonts, loaded one by one when a text needs it`);
const all = total(first);
console.log(`first page: ${kb(all).trim()} of ${LIMIT_KB} KB`);
if (all > LIMIT_KB * 1000) {
  console.error('The first page is too large.');
  process.exit(1);
}
