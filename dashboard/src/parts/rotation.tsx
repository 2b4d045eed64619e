import type { Step } from '../../../src/view/history.ts';
import { tookOf } from '../../../src/view/messages/words.ts';
import type { PastRotation } from '../../../src/view/history.ts';
import type { ShutGate } from '../../../src/view/waiting.ts';
import { Badge, toneOfPhase, type Tone } from './badge.tsx';
import { useReader } from '../reader.ts';
import { nodeLink } from '../route.ts';

/** Each gate that holds one, in words, and the controller's own words under it. */
export function Gates({ gates }: { readonly gates: readonly ShutGate[] }) {
  const { w, say } = useReader();
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
              <code>{gate}</code> {detail}
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

export function Log({ steps }: { readonly steps: readonly Step[] }) {
  const { time, span } = useReader();
  return (
    <ol class="log">
      {steps.map(({ name, result, said, startedAt, finishedAt }) => (
        <li key={`${name} ${startedAt ?? ''}`}>
          <strong>{name}</strong> <Badge tone={tones[result] ?? 'plain'}>{result}</Badge>
          <span class="sub">
            {startedAt === undefined ? '' : time(startedAt)}
            {startedAt !== undefined && finishedAt !== undefined
              ? ` · ${tookOf(startedAt, finishedAt, span)}`
              : ''}
            {said === '' ? '' : ` · ${said}`}
          </span>
        </li>
      ))}
    </ol>
  );
}

export function Past({
  rotations,
  withNode,
}: {
  readonly rotations: readonly PastRotation[];
  readonly withNode: boolean;
}) {
  const { w, say, time, span } = useReader();
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
                {startedAt !== undefined && finishedAt !== undefined
                  ? ` · ${w('col.took')} ${tookOf(startedAt, finishedAt, span)}`
                  : ''}
              </span>
            </div>
            <p class="why">{why === undefined ? said : say(why)}</p>
            <details>
              <summary>
                {w('col.certificates')} ({certificates.length})
              </summary>
              {why !== undefined && said !== '' && <p class="sub">{said}</p>}
              <ul class="renewed">
                {certificates.map(({ id, oldSerial, newSerial, newNotAfter, proof }) => (
                  <li key={id}>
                    <strong>{id}</strong> <Serials {...{ oldSerial, newSerial, newNotAfter }} />
                    {proof !== undefined && <span class="sub">{proof}</span>}
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

export function Serials({
  oldSerial,
  newSerial,
  newNotAfter,
}: {
  readonly oldSerial?: string | undefined;
  readonly newSerial?: string | undefined;
  readonly newNotAfter?: string | undefined;
}) {
  const { date } = useReader();
  if (newSerial === undefined) return null;
  return (
    <span class="serials">
      <code title={oldSerial}>{short(oldSerial)}</code> → <code title={newSerial}>{short(newSerial)}</code>
      {newNotAfter !== undefined && ` (${date(newNotAfter)})`}
    </span>
  );
}

function short(serial = '–'): string {
  return serial.length > 12 ? `${serial.slice(0, 4)}…${serial.slice(-6)}` : serial;
}
