import type { RenewedCertificate } from '../../../src/kube/types.ts';
import type { PastRotation, Step } from '../../../src/view/history.ts';
import { tookOf } from '../../../src/view/messages/words.ts';
import type { ShutGate } from '../../../src/view/waiting.ts';
import { Badge, toneOfPhase, type Tone } from './badge.tsx';
import { useReader } from '../reader.ts';
import { nodeLink } from '../route.ts';

/** Each gate that holds one, in words, and the controller's own words under it. */
export function Gates({ gates }: { readonly gates: readonly ShutGate[] }) {
  const { w, say, own } = useReader();
  if (gates.length === 0) return null;
  return (
    <div class="gates">
      <span class="label">{w('plan.gates')}</span>
      <ul>
        {gates.map(({ gate, hard, text, detail }) => (
          <li key={gate}>
            <strong>{say(text)}</strong>{' '}
            <span class="tag">{say({ key: hard ? 'plan.hard' : 'plan.soft' })}</span>
            <span class="sub">
              <code>{gate}</code> {own(detail)}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

const tones: Readonly<Record<string, Tone>> = {
  done: 'good',
  skipped: 'plain',
  failed: 'bad',
  'rolled-back': 'warn',
};

/** How long it took, behind something else; nothing before it has ended. */
function Took({ startedAt, finishedAt }: Pick<PastRotation, 'startedAt' | 'finishedAt'>) {
  const reader = useReader();
  if (startedAt === undefined || finishedAt === undefined) return null;
  return <> · {reader.w('took', { span: tookOf(startedAt, finishedAt, reader) })}</>;
}

/** Which rotation it was, and then its steps by the clock. */
export function Log({ log }: { readonly log: PastRotation & { readonly steps: readonly Step[] } }) {
  const reader = useReader();
  const { say, own, time, clock } = reader;
  const { phase, phaseText, startedAt, finishedAt, steps } = log;
  return (
    <>
      <p class="row">
        <Badge tone={toneOfPhase[phase]}>{say(phaseText)}</Badge>
        <span class="sub inline">
          {startedAt === undefined ? '' : time(startedAt)}
          <Took startedAt={startedAt} finishedAt={finishedAt} />
        </span>
      </p>
      <p class="sub">
        <code>{log.name}</code>
      </p>
      <ol class="log">
        {steps.map(({ name, text, result, resultText, said, startedAt: from, finishedAt: to }) => (
          <li key={`${name} ${from ?? ''}`}>
            <span class="when">{from === undefined ? '–' : clock(from)}</span>
            <div>
              <strong>{text === undefined ? name : say(text)}</strong>
              {said !== '' && <span class="sub">{own(said)}</span>}
            </div>
            <span class="result">
              <Badge tone={tones[result] ?? 'plain'}>
                {resultText === undefined ? result : say(resultText)}
              </Badge>
            </span>
            <span class="took">{from !== undefined && to !== undefined && tookOf(from, to, reader)}</span>
          </li>
        ))}
      </ol>
    </>
  );
}

export function Past({
  rotations,
  withNode,
}: {
  readonly rotations: readonly PastRotation[];
  readonly withNode: boolean;
}) {
  const { w, say, own, time } = useReader();
  return (
    <ul class="past">
      {rotations.map(
        ({ name, node, phase, phaseText, why, said, asked, startedAt, finishedAt, certificates }) => (
          <li key={name}>
            <div class="row">
              <Badge tone={toneOfPhase[phase]}>{say(phaseText)}</Badge>
              {withNode && <a href={nodeLink(node)}>{node}</a>}
              <span class="when">{finishedAt === undefined ? '–' : time(finishedAt)}</span>
              <span class="sub inline">
                {say(asked)}
                <Took startedAt={startedAt} finishedAt={finishedAt} />
              </span>
            </div>
            <p class="why">{why === undefined ? own(said) : say(why)}</p>
            <details>
              <summary>
                {w('col.certificates')} ({certificates.length})
              </summary>
              {why !== undefined && said !== '' && <p class="sub">{own(said)}</p>}
              <ul class="renewed">
                {certificates.map(({ id, proof, ...serials }) => (
                  <li key={id}>
                    <strong>{id}</strong> <Serials {...serials} />
                    {proof !== undefined && <span class="sub">{own(proof)}</span>}
                  </li>
                ))}
              </ul>
            </details>
          </li>
        ),
      )}
    </ul>
  );
}

/** The old one, where there was one, and the new one: its serial and when it ends. */
export function Serials({
  oldSerial,
  newSerial,
  oldNotAfter,
  newNotAfter,
}: Pick<RenewedCertificate, 'oldSerial' | 'newSerial' | 'oldNotAfter' | 'newNotAfter'>) {
  if (newSerial === undefined) return null;
  return (
    <span class="serials">
      <Serial serial={oldSerial} end={oldNotAfter} /> → <Serial serial={newSerial} end={newNotAfter} />
    </span>
  );
}

function Serial({ serial, end }: { readonly serial: string | undefined; readonly end: string | undefined }) {
  const { date } = useReader();
  return (
    <span class="whole">
      <code title={serial}>{short(serial)}</code>
      {end !== undefined && ` (${date(end)})`}
    </span>
  );
}

function short(serial = '–'): string {
  return serial.length > 12 ? `${serial.slice(0, 4)}…${serial.slice(-6)}` : serial;
}
