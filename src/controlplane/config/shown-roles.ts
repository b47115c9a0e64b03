/** For `explain`: which roles somebody has who is only named: a user, `key:NAME`, `certificate:NAME`, `fingerprint:HEX`. */

import type { Tools } from '../../contracts/tools.ts';
import { markedFingerprint } from '../../core/policy/certificate-subject.ts';
import type { Config } from './plan.ts';

type People = Pick<Tools, 'users' | 'keys' | 'certificates'>;

export function shownRoles({ users, keys, certificates }: People, config: Config): (who: string) => readonly string[] {
  return (who) => {
    if (who.startsWith('key:')) return keys.byName(who.slice('key:'.length))?.roles ?? [];
    const fingerprint = markedFingerprint(who);
    if (fingerprint !== null) return certificates?.own.find(fingerprint)?.roles ?? [];
    if (!who.startsWith('certificate:')) return users.find(who)?.roles ?? [];
    const name = who.slice('certificate:'.length);
    const own = certificates?.own.list().find((each) => each.name === name)?.roles ?? [];
    const given = config.services.flatMap(({ access }) => (access ?? []).flat()).flatMap(({ options }) => rolesIn(options, name));
    return [...new Set([...own, ...given])];
  };
}

/** What a guard says of the roles of its own people: `mtls: { roles: { ana: [editor] } }`. */
function rolesIn(options: unknown, name: string): readonly string[] {
  if (typeof options !== 'object' || options === null || !('roles' in options) || !(options.roles instanceof Map)) return [];
  const found: unknown = options.roles.get(name);
  return Array.isArray(found) ? found.filter((each) => typeof each === 'string') : [];
}
