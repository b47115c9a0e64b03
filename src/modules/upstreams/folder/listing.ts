/** The page that lists a folder: names only, each escaped. */

import { constants } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { markup } from '../../../core/pages/markup.ts';
import { page } from '../../../core/pages/page.ts';
import { say } from '../../../core/pages/say.ts';
import type { Exchange } from '../../../core/policy/exchange.ts';
import type { Reply } from '../../../core/http/reply.ts';
import { descriptorPath, openBelow } from './locate.ts';
import { isHidden } from './request-path.ts';

/** A longer list helps nobody and costs memory. */
const namesMax = 5_000;

type Asked = Readonly<{ exchange: Exchange; title: string }>;

/** Files and folders that are not hidden; links and special files are left out. Null when the folder is not below the root any more. */
export async function listing(root: string, path: string, asked: Asked): Promise<Reply | null> {
  const handle = await openBelow(root, path, constants.O_DIRECTORY);
  if (handle === null) return null;
  try {
    return listingPage(await namesIn(process.platform === 'linux' ? descriptorPath(handle) : path), asked);
  } finally {
    await handle.close();
  }
}

async function namesIn(path: string): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const entry of await opendir(path)) {
    if (isHidden(entry.name) || !(entry.isFile() || entry.isDirectory())) continue;
    names.push(entry.isDirectory() ? `${entry.name}/` : entry.name);
    if (names.length >= namesMax) break;
  }
  return names;
}

/** `title` is the path as it was asked for, with a slash at its end. */
export function listingPage(names: readonly string[], { exchange, title }: Asked): Reply {
  const items = names
    .toSorted((one, other) => one.localeCompare(other, 'en'))
    .map((name) => markup`<li><a href="${reference(name)}">${name}</a></li>\n`);
  const up = title === '/' ? null : markup`<p><a href="../">${say(exchange, 'listing.up')}</a></p>\n`;
  return page(exchange, {
    status: 200,
    wide: true,
    title: say(exchange, 'listing.title', { path: title }),
    content: markup`${up}${items.length === 0 ? null : markup`<ul class="bare">\n${items}</ul>`}`,
  });
}

/** `./` in front: a name with a colon would be read as a scheme (RFC 3986, 4.2). */
function reference(name: string): string {
  const folder = name.endsWith('/');
  return `./${encodeURIComponent(folder ? name.slice(0, -1) : name)}${folder ? '/' : ''}`;
}
