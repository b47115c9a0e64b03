/** Which kind of hash a password is kept as, by how it is written (PHC strings, crypt(5), htpasswd of Apache). */

export type PasswordForm = 'argon2id' | 'bcrypt';

const bcrypt = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
const argon2id = /^\$argon2id\$v=19\$m=([1-9]\d{0,6}),t=([1-9]\d?),p=([1-9])\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}$/;

/** What bcrypt takes at each step more is twice as much: 14 is a second or two. */
const bcryptCost = { min: 4, max: 14 };
/** 256 MiB, four passes: of two at once, half a gigabyte. */
const argon2Most = { memoryKib: 262_144, passes: 10 };

export type FoundForm = Readonly<{ ok: true; form: PasswordForm }> | Readonly<{ ok: false; why: string }>;

/** `why` names the kind and the way out; it holds nothing of the hash. */
export function passwordForm(hash: string): FoundForm {
  const [, cost] = bcrypt.exec(hash) ?? [];
  if (cost !== undefined) {
    if (Number(cost) >= bcryptCost.min && Number(cost) <= bcryptCost.max) return { ok: true, form: 'bcrypt' };
    return { ok: false, why: `is bcrypt of cost ${Number(cost)}, and ${bcryptCost.min} to ${bcryptCost.max} are taken: htpasswd -B -C 10` };
  }
  const [, memory, passes] = argon2id.exec(hash) ?? [];
  if (memory !== undefined) {
    if (Number(memory) <= argon2Most.memoryKib && Number(passes) <= argon2Most.passes) return { ok: true, form: 'argon2id' };
    return { ok: false, why: `is argon2id of more than ${argon2Most.memoryKib / 1_024} MiB or ${argon2Most.passes} passes` };
  }
  return { ok: false, why: `is ${weakKind(hash)}, which is not taken: write it anew with htpasswd -B` };
}

function weakKind(hash: string): string {
  if (hash.startsWith('$apr1$')) return 'apr1-MD5';
  if (hash.startsWith('$1$')) return 'MD5';
  if (hash.startsWith('{SHA}') || hash.startsWith('{SSHA}')) return 'SHA-1';
  if (/^\$[56]\$/.test(hash)) return 'SHA crypt';
  if (/^\$argon2[di]\$/.test(hash)) return 'argon2 without the id';
  if (hash.startsWith('$2')) return 'a bcrypt hash that is cut or malformed';
  if (/^[./A-Za-z0-9]{13}$/.test(hash)) return 'crypt';
  return 'no hash that is known';
}
