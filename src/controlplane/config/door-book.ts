/** Which services have doors that are opened on the page of another one: gathered while services are built, and checked. */

import type { Form } from '../../contracts/guard.ts';
import type { Tools } from '../../contracts/tools.ts';
import { SallyportError } from '../../core/errors.ts';
import type { About } from '../../core/policy/explain.ts';
import type { Check } from '../../core/policy/verdict.ts';
import type { BuiltAccess } from './access.ts';
import { doorForms, type DoorOffer } from './door-forms.ts';
import type { Behind, Config, ServicePlan } from './plan.ts';

const raw: ReadonlySet<Behind['is']> = new Set(['port', 'tls']);
const pages: ReadonlySet<Behind['is']> = new Set(['http', 'folder', 'redirect', 'respond']);

export class DoorBook {
  readonly #offers = new Map<string, DoorOffer[]>();
  readonly #signIns = new Map<string, BuiltAccess>();
  readonly #webs = new Map<Check, string>();

  /** Those with doors come first: what stands on a page must be known when its service is built. */
  static order(services: Config['services']): Config['services'] {
    return services.toSorted((left, right) => Number(hasDoor(right)) - Number(hasDoor(left)));
  }

  /** The doors of a service. Errors: `config-malformed` where they lead to what asks who comes, or are opened where nobody can. */
  add(plan: ServicePlan, access: BuiltAccess, { services }: Config): void {
    for (const { check, terms, admits } of access.doors) {
      const web = services.find(({ name }) => name === terms.web);
      const wrong = wrongDoor(plan, web);
      if (wrong !== null)
        throw new SallyportError('config-malformed', `services.${plan.name}.access: login ${wrong[0]}.`, { hint: wrong[1] });
      this.#webs.set(check, terms.web);
      this.#offers.set(terms.web, [...(this.#offers.get(terms.web) ?? []), { service: plan.name, terms, admits }]);
    }
  }

  /** The forms of a service on whose page doors are opened. Errors: `config-malformed` where nobody can sign in to it. */
  formsAt(web: string, access: BuiltAccess, tools: Tools): readonly Form[] {
    const offers = this.#offers.get(web);
    if (offers === undefined) return [];
    if (access.signIn === null)
      throw new SallyportError('config-malformed', `services.${offers[0]?.service ?? ''}.access: nobody can sign in at ${web}.`, {
        hint: `Say there who may: services.${web}.access: [{ password: {} }].`,
      });
    this.#signIns.set(web, access);
    return doorForms({ web, signIn: access.signIn, offers, tools });
  }

  /** For `explain`: a door is opened by whom it is for, and who can sign in where it is opened. */
  about(check: Check, about: About): About {
    const web = this.#webs.get(check);
    if (web === undefined) return about;
    return { ...about, knows: (subject) => about.knows?.(subject) === true && this.#signIns.get(web)?.knows(subject) === true };
  }
}

function hasDoor({ access }: ServicePlan): boolean {
  return access?.some((uses) => uses.some(({ guard }) => guard === 'login')) === true;
}

function wrongDoor(plan: ServicePlan, web: ServicePlan | undefined): readonly [sentence: string, hint: string] | null {
  if (!raw.has(plan.behind.is))
    return [`stands before ${plan.name}, which can ask itself who comes`, 'It is for tcp:// and udp:// with a port, and for tls://.'];
  if (web === undefined) return ['names a service that does not exist', 'Name a service of this file that has web pages.'];
  if (!pages.has(web.behind.is)) return [`names ${web.name}, which has no web pages`, 'Name a service that is reached with a browser.'];
  return null;
}
