/** Mail that we send: to one address, in plain text, in our own time. */

/** How the operator says that mail is sent. */
export type MailPlan = Readonly<{
  host: string;
  port: number;
  /** `tls` from the first byte; `starttls` before anything is said; `plain`: in the clear, where the operator said so. */
  security: 'tls' | 'starttls' | 'plain';
  user: string | null;
  /** The name of the stored secret that is the password; null where the server asks for none. */
  secret: string | null;
  /** The sender's address. */
  from: string;
  /** What stands beside it; null for nothing. */
  name: string | null;
  /** The path of a PEM file; trusted in place of the system's list. Null: the list. */
  ca: string | null;
}>;

/** Whatever of it comes from a stranger has been checked: an address is one address, and no line breaks out of its field. */
export type Letter = Readonly<{ to: string; subject: string; text: string }>;

export interface Mail {
  /** Takes a letter to be sent later; false where too many wait. Nobody waits for it, and what becomes of it the owner is told. */
  send(letter: Letter): boolean;
}

/** What sends for whichever configuration stands. */
export interface Post {
  /** Errors: `secret-missing`, `file-missing`, `config-malformed` (a file without a certificate). Nothing is dialled yet. */
  by(plan: MailPlan): Mail;
}
