import type { CertificateDetail, NodePage as Value } from '../../../src/view/node.ts';
import type { PlanItem } from '../../../src/view/plan.ts';
import { Act } from '../parts/act.tsx';
import { Badge, toneOfPhase, toneOfState } from '../parts/badge.tsx';
import { WithData } from '../parts/loading.tsx';
import { Gates, Log, Past, Serials } from '../parts/rotation.tsx';
import { useReader } from '../reader.ts';

export function NodePage({ name }: { readonly name: string }) {
  const { w } = useReader();
  return (
    <>
      <p class="back">
        <a href="#/nodes">← {w('node.back')}</a>
      </p>
      <h1 class="name">{name}</h1>
      <WithData<Value> path={`/api/v1/nodes/${encodeURIComponent(name)}`} gone={w('node.gone')}>
        {(value) => <Page value={value} />}
      </WithData>
    </>
  );
}

/** A minute off is what clocks are. */
const worthSaying = 60_000;

function Page({ value }: { readonly value: Value }) {
  const { w, say, own, time, span } = useReader();
  const { row, certificates, notes, clockSkew = 0, open, rotations, log } = value;
  const now = Date.now();
  return (
    <>
      <div class="head">
        <p>
          <Badge tone={toneOfState[row.state]}>{say(row.text)}</Badge>
          <span class="sub inline">
            {w(`role.${row.role}`)} · {row.version}
            {row.readAt === undefined ? '' : ` · ${w('node.readAt', { at: time(row.readAt) })}`}
          </span>
          {!row.ready && <span class="tag">{w('notReady')}</span>}
          {row.paused && <span class="tag">{w('paused')}</span>}
          {Math.abs(clockSkew) > worthSaying && (
            <span class="tag">{w('node.clock', { span: span(clockSkew) })}</span>
          )}
        </p>
        <div class="row">
          <Act action={{ action: 'rotate', node: row.name }} main />
          <Act action={{ action: row.paused ? 'resume' : 'pause', node: row.name }} />
        </div>
      </div>
      {open !== undefined && <Now open={open} />}
      <section aria-labelledby="certificates-title">
        <h2 id="certificates-title">{w('node.certificates')}</h2>
        {certificates.length === 0 && <p class="empty">{w('node.none')}</p>}
        <ul class="certificates">
          {certificates.toSorted(byEnd).map((one) => (
            <Certificate key={`${one.id} ${one.path} ${one.serial}`} one={one} now={now} />
          ))}
        </ul>
      </section>
      {notes.length > 0 && (
        <section aria-labelledby="notes-title">
          <h2 id="notes-title">{w('node.notes')}</h2>
          <ul class="notes">
            {notes.map((note) => (
              <li key={note}>{own(note)}</li>
            ))}
          </ul>
        </section>
      )}
      <div class="columns">
        <section aria-labelledby="log-title">
          <h2 id="log-title">{w('node.log')}</h2>
          {log === undefined ? <p class="empty">{w('node.logNone')}</p> : <Log log={log} />}
        </section>
        <section aria-labelledby="past-title">
          <h2 id="past-title">{w('node.history')}</h2>
          {rotations.length === 0 && <p class="empty">{w('node.historyNone')}</p>}
          <Past rotations={rotations} withNode={false} />
        </section>
      </div>
    </>
  );
}

function Now({ open }: { readonly open: PlanItem }) {
  const { w, say, time } = useReader();
  return (
    <section aria-labelledby="open-title">
      <h2 id="open-title">{w('node.open')}</h2>
      <div class="row">
        <Badge tone={toneOfPhase[open.phase]}>{say(open.phaseText)}</Badge>
        <span>{open.gates.length === 0 ? say(open.why) : ''}</span>
        {open.approvable && <Act action={{ action: 'approve', rotation: open.name }} />}
      </div>
      <Gates gates={open.gates} />
      <p class="sub">
        {say(open.asked)}
        {open.startedAt === undefined ? '' : ` · ${w('plan.since', { at: time(open.startedAt) })}`} ·{' '}
        {open.certificates.join(', ')}
      </p>
    </section>
  );
}

/** What ends first is on top; CAs come last. */
function byEnd(a: CertificateDetail, b: CertificateDetail): number {
  const order = Number(a.kind === 'ca') - Number(b.kind === 'ca');
  return order === 0 && a.notAfter !== b.notAfter ? (a.notAfter < b.notAfter ? -1 : 1) : order;
}

function Certificate({ one, now }: { readonly one: CertificateDetail; readonly now: number }) {
  const { w, say, date, span } = useReader();
  const end = Date.parse(one.notAfter);
  const isKnown = !Number.isNaN(end);
  const isOver = isKnown && end <= now;
  return (
    <li class={isOver ? 'over' : ''}>
      <div class="what">
        <h3>{one.id}</h3>
        <p class="sub">{say(one.use)}</p>
        <p class="path">{one.path}</p>
      </div>
      <div class="ends">
        <p>
          {isKnown ? date(one.notAfter) : '–'}{' '}
          {isKnown && (
            <span class={isOver ? 'bad' : 'sub inline'}>
              {isOver ? w('cert.expired') : w('cert.left', { span: span(end - now) })}
            </span>
          )}
        </p>
        <Life from={Date.parse(one.notBefore)} to={end} now={now} />
        {(one.broken || one.state !== 'Ok') && (
          <Badge tone={one.broken ? 'warn' : 'plain'}>{say(one.stateText)}</Badge>
        )}
      </div>
      {one.kind !== 'ca' && <Uses one={one} />}
      <Details one={one} />
    </li>
  );
}

function Uses({ one }: { readonly one: CertificateDetail }) {
  const { w, own, date } = useReader();
  return (
    <dl class="facts">
      <div>
        <dt>{w('col.usedBy')}</dt>
        <dd>{one.component === 'none' ? w('used.none') : one.component}</dd>
      </div>
      <div>
        <dt>{w('cert.due')}</dt>
        <dd>{one.dueAt === undefined ? w('cert.never') : date(one.dueAt)}</dd>
      </div>
      <div>
        <dt>{w('col.renewed')}</dt>
        <dd>{one.renewal === undefined ? w('cert.notRenewed') : <Serials {...one.renewal} />}</dd>
      </div>
      <div>
        <dt>{w('col.proof')}</dt>
        <dd>
          {one.renewal?.proof === undefined ? w('cert.noProof') : own(one.renewal.proof)}
          {one.renewal?.at !== undefined && <span class="whole"> ({date(one.renewal.at)})</span>}
        </dd>
      </div>
    </dl>
  );
}

/** How much of its lifetime has gone. */
function Life({ from, to, now }: { readonly from: number; readonly to: number; readonly now: number }) {
  const gone = Math.min(1, Math.max(0, (now - from) / (to - from)));
  if (Number.isNaN(gone)) return null;
  return (
    <svg class="life" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
      <rect width="100" height="4" class="whole" />
      <rect width={gone * 100} height="4" class={gone >= 1 ? 'gone over' : 'gone'} />
    </svg>
  );
}

function Details({ one }: { readonly one: CertificateDetail }) {
  const { w, say, own, time } = useReader();
  const facts: readonly (readonly [string, string])[] = [
    [w('cert.subject'), one.subject],
    [w('cert.issuer'), one.issuer],
    [w('cert.sans'), one.sans.join(', ')],
    [w('cert.serial'), one.serial],
    [w('cert.from'), time(one.notBefore)],
    [w('col.ends'), time(one.notAfter)],
    [w('cert.key'), one.keyAlgorithm],
    [w('cert.sha256'), one.sha256],
    [w('cert.state'), one.reason === '' ? say(one.stateText) : `${say(one.stateText)}: ${own(one.reason)}`],
  ];
  return (
    <details>
      <summary>
        {w('cert.details')} <span class="unseen">{one.id}</span>
      </summary>
      <dl class="facts wide">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <bdi>{value === '' ? '–' : value}</bdi>
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
