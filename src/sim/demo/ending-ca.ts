// The front-proxy CA is about to end: no leaf outlives it, and the dashboard says what it needs. A person then does what the
// runbook says: another certificate over the same key, in every place, and the product is told that it was meant.
import { createHash, X509Certificate } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import type { Overview } from '../../web/dashboard/content.ts';
import { say as sentence, type Message } from '../../view/messages/message.ts';
import { renewedAuthority } from '../cluster/authority.ts';
import { controlPlanesOf } from '../cluster/plan.ts';
import { rootOf, askFor, ended, until, type Fault, type FaultContext } from './fault.ts';

const subject = 'n2';
const id = 'front-proxy-client.crt';
const day = 24 * 3_600_000;
const pki = 'etc/kubernetes/pki/front-proxy-ca';

export const caEnds: Fault = { silences: [], play: renewBeforeItEnds };

async function renewBeforeItEnds(context: FaultContext): Promise<void> {
  const { cluster, say } = context;
  const told = await until('the word of the dashboard', context, async () => (await needOf(context)).text);
  say(`fault: a CA is about to end. The dashboard: ${told}`);
  say(`a person asks to renew ${id} of ${subject}`);
  const { status } = await ended(context, await askFor(context, subject, [id]));
  const end = status?.certificates?.find((each) => each.id === id)?.newNotAfter ?? 'as before';
  say(
    `its new end is ${end}, not later than its CA's: ${endOf(join(rootOf(cluster, subject), `${pki}.crt`))}`,
  );
  const sha256 = await renew(context);
  say(
    'a person lays a longer certificate of the CA, over the same key, on every control plane, and accepts it',
  );
  await cluster.admin.patch('/api/v1/namespaces/cpaas-system/secrets/kubernetes-ca', {
    metadata: { annotations: { 'certrotator.cpaas.io/accept-ca': sha256 } },
  });
  await until('the end of that', context, async () => ((await needOf(context)).isNone ? true : undefined));
  say('the dashboard: no CA is about to end any more');
}

interface CaNeed {
  readonly text?: string;
  /** It answers, and says nothing of a CA. */
  readonly isNone: boolean;
}

async function needOf({ page }: FaultContext): Promise<CaNeed> {
  const response = await fetch(`${page}/api/v1/overview`).catch(() => undefined);
  if (response?.ok !== true) return { isNone: false };
  const { summary }: { summary: Overview['summary'] } = JSON.parse(await response.text());
  const need = summary.needs.find(({ text }) => isOfCa(text));
  if (need === undefined) return { isNone: true };
  return { text: sentence(need.text, { language: 'en' }), isNone: false };
}

const caNeeds: ReadonlySet<Message['key']> = new Set([
  'need.caEnding',
  'need.caEndsSoon',
  'need.caExpired',
  'need.caDiffers',
]);

const isOfCa = ({ key }: Message): boolean => caNeeds.has(key);

/** Result: the fingerprint of the new one. */
async function renew({ cluster }: FaultContext): Promise<string> {
  const now = Math.floor(Date.now() / 1000) * 1000;
  const validity = { notBefore: new Date(now - day), notAfter: new Date(now + 3650 * day) };
  const roots = controlPlanesOf(cluster.plan).map((node) => cluster.rootOf(node));
  const key = fs.readFileSync(join(roots[0] ?? '', `${pki}.key`), 'utf8');
  const certificate = renewedAuthority('front-proxy-ca', key, validity);
  for (const root of roots) fs.writeFileSync(join(root, `${pki}.crt`), certificate);
  await cluster.admin.patch('/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication', {
    data: { 'requestheader-client-ca-file': certificate },
  });
  return createHash('sha256').update(new X509Certificate(certificate).raw).digest('hex');
}

const endOf = (path: string): string => new X509Certificate(fs.readFileSync(path)).validToDate.toISOString();
