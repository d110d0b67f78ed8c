// Makes what the sources import and nobody writes by hand, into src/generated:
//   fonts/ and global.css   Cloudscape's global style, its fonts as files instead of in the style
//   settings.json           the rules of the settings, and what each does, from the project's own
//   methods.json            the ways to become a device, as docs/methods.json has them
//   openapi.ts              the types of the HTTP API, where openapi-typescript is installed
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const generated = here('../src/generated');
const project = here('../..');

function fonts() {
  const source = createRequire(import.meta.url).resolve(
    '@cloudscape-design/global-styles/index.css',
  );
  const style = readFileSync(source, 'utf8').replaceAll(
    /url\(['"]?data:font\/woff2;[^,)]*base64,([A-Za-z0-9+/=]+)['"]?\)/g,
    (_, data) => {
      const bytes = Buffer.from(data, 'base64');
      const name = `${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}.woff2`;
      writeFileSync(`${generated}/fonts/${name}`, bytes);
      return `url('./fonts/${name}')`;
    },
  );
  if (style.includes('data:font')) throw new Error('a font of the global style was not found');
  writeFileSync(
    `${generated}/global.css`,
    style.replaceAll('@font-face {', '@font-face {\n  font-display: swap;'),
  );
}

function settings() {
  const rules = JSON.parse(
    readFileSync(`${project}/functions/control_plane/settings.json`, 'utf8'),
  );
  const document = JSON.parse(readFileSync(`${project}/docs/openapi.json`, 'utf8'));
  const told = document.components.schemas.SettingsChange.properties.desired.properties;
  const rows = Object.entries(rules).map(([key, rule]) => ({
    key,
    does: told[key]?.description ?? 'Workflows alone set it.',
    ...rule,
  }));
  writeFileSync(`${generated}/settings.json`, `${JSON.stringify(rows, null, 2)}\n`);
}

async function types() {
  let tool;
  try {
    tool = await import('openapi-typescript');
  } catch (error) {
    // A build needs no types, so an installation for it alone (--omit=dev) has not got the tool.
    if (error.code === 'ERR_MODULE_NOT_FOUND') return;
    throw error;
  }
  const tree = await tool.default(new URL('../../docs/openapi.json', import.meta.url), {
    // An object of any members, not one of none.
    emptyObjectsUnknown: true,
  });
  writeFileSync(`${generated}/openapi.ts`, tool.astToString(tree));
}

rmSync(generated, { recursive: true, force: true });
mkdirSync(`${generated}/fonts`, { recursive: true });
fonts();
settings();
copyFileSync(`${project}/docs/methods.json`, `${generated}/methods.json`);
await types();
