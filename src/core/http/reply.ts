/** A whole answer as data: what a guard, an error page or a folder wants the visitor to get. */

/** `fields` are written in this order; Content-Length, Date and Connection are the writer's. */
export type Reply = Readonly<{
  status: number;
  fields: readonly (readonly [name: string, value: string])[];
  /** Text is sent as UTF-8. */
  body: string | Uint8Array | null;
}>;
