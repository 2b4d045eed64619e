import type { Overview as Value } from '../../../src/web/dashboard/content.ts';
import type { Summary } from '../../../src/view/summary.ts';
import type { Need } from '../../../src/view/needs.ts';
import { Badge, Mark, toneOfPhase, type Tone } from '../parts/badge.tsx';
import { WithData } from '../parts/loading.tsx';
import { TimelineChart } from '../parts/timeline.tsx';
import { useReader } from '../reader.ts';
import { nodeLink } from '../route.ts';

export function Overview() {
  return (
    <WithData<Value> path="/api/v1/overview">
      {({ summary, timeline, next, failures }) => (
        <>
          <Verdict summary={summary} />
          <Figures counts={summary.counts} />
          <TimelineChart timeline={timeline} />
          <div class="columns">
            <Next items={next} />
            <Failures items={failures} />
          </div>
        </>
      )}
    </WithData>
  );
}

const tones: Readonly<Record<Summary['state'], Tone>> = {
  safe: 'good',
  attention: 'warn',
  unsafe: 'bad',
  unknown: 'warn',
};

/** The four answers. */
function Verdict({ summary }: { readonly summary: Summary }) {
  const { w, say } = useReader();
  const { state, headline, safe, next, needs } = summary;
  return (
    <section class={`verdict ${tones[state]}`} aria-labelledby="verdict-title">
      <div class="answer first">
        <p class="asked">{w('ask.safe')}</p>
        <h1 id="verdict-title">
          <Mark tone={tones[state]} /> {say(headline)}
        </h1>
        <p>{say(safe)}</p>
      </div>
      <div class="answer">
        <h2 class="asked">{w('ask.next')}</h2>
        <p class="said">{say(next)}</p>
      </div>
      <div class="answer all">
        <h2 class="asked">{w('ask.needs')}</h2>
        {needs.length === 0 ? (
          <p class="said">{say({ key: 'need.none' })}</p>
        ) : (
          <ul class="needs">
            {needs.map((need) => (
              <NeedItem key={say(need.text)} need={need} />
            ))}
          </ul>
        )}
      </div>
    </section>
  );
}

function NeedItem({ need }: { readonly need: Need }) {
  const { say } = useReader();
  const { level, text, node, page } = need;
  const link = node === undefined ? (page === undefined ? undefined : `#/${page}`) : nodeLink(node);
  return (
    <li class={level}>
      <Mark tone={level === 'act' ? 'bad' : 'warn'} />
      {link === undefined ? <span>{say(text)}</span> : <a href={link}>{say(text)}</a>}
    </li>
  );
}

function Figures({ counts }: { readonly counts: Summary['counts'] }) {
  const { w } = useReader();
  const names = ['nodes', 'certificates', 'due', 'expired', 'running', 'waiting'] as const;
  return (
    <dl class="figures">
      {names.map((name) => (
        <div key={name} class={name === 'expired' && counts.expired > 0 ? 'bad' : ''}>
          <dt>{w(`count.${name}`)}</dt>
          <dd>{counts[name].toLocaleString('en-US')}</dd>
        </div>
      ))}
    </dl>
  );
}

function Next({ items }: { readonly items: Value['next'] }) {
  const { w, say } = useReader();
  return (
    <section aria-labelledby="next-title">
      <h2 id="next-title">
        {w('next.title')} <a href="#/plan">{w('all')}</a>
      </h2>
      {items.length === 0 && <p class="empty">{w('next.none')}</p>}
      <ol class="list">
        {items.map(({ name, node, phase, phaseText, why, certificates }) => (
          <li key={name}>
            <a href={nodeLink(node)}>{node}</a> <Badge tone={toneOfPhase[phase]}>{say(phaseText)}</Badge>
            <span class="sub">
              {say(why)} · {certificates.join(', ')}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Failures({ items }: { readonly items: Value['failures'] }) {
  const { w, say, own, time } = useReader();
  return (
    <section aria-labelledby="failures-title">
      <h2 id="failures-title">
        {w('failures.title')} <a href="#/history">{w('nav.history')}</a>
      </h2>
      {items.length === 0 && <p class="empty">{w('failures.none')}</p>}
      <ul class="list">
        {items.map(({ name, node, phase, phaseText, why, said, finishedAt }) => (
          <li key={name}>
            <a href={nodeLink(node)}>{node}</a> <Badge tone={toneOfPhase[phase]}>{say(phaseText)}</Badge>
            <span class="sub">
              {finishedAt === undefined ? '' : `${time(finishedAt)} · `}
              {why === undefined ? own(said) : say(why)}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
