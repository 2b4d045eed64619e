import { useState } from 'preact/hooks';
import type { Kind } from '../../../src/view/certificates.ts';
import type { Counts, Timeline } from '../../../src/view/timeline.ts';
import { useReader, type Reader } from '../reader.ts';

const week = 7 * 86_400_000;
const width = 1000;
const height = 150;

interface Slot {
  readonly key: string;
  readonly label: string;
  readonly counts: Counts;
  readonly total: number;
}

const totalOf = (counts: Counts): number => Object.values(counts).reduce((sum, one) => sum + one, 0);

const mostOf = (slots: readonly Slot[]): number => Math.max(1, ...slots.map(({ total }) => total));

const dayOf = (from: string, weeks: number): string =>
  new Date(Date.parse(from) + weeks * week).toISOString();

const slotOf = (key: string, label: string, counts: Counts): Slot => ({
  key,
  label,
  counts,
  total: totalOf(counts),
});

function slotsOf({ from, weeks, expired, later }: Timeline, { w, date }: Reader): readonly Slot[] {
  return [
    slotOf('expired', w('timeline.expired'), expired),
    ...weeks.map((counts, i) => slotOf(`w${i}`, w('timeline.week', { at: date(dayOf(from, i)) }), counts)),
    slotOf('later', w('timeline.later'), later),
  ];
}

/** Bars by week, one stack for each kind; the same as a table for who does not see them. */
export function TimelineChart({ timeline }: { readonly timeline: Timeline }) {
  const reader = useReader();
  const { w } = reader;
  const all = slotsOf(timeline, reader);
  // What ends later is told in words: beside it the weeks would be nothing.
  const slots = all.slice(0, -1);
  const about = aboutOf(timeline, w);
  const over = totalOf(timeline.expired);
  const [shown, setShown] = useState<string | undefined>();
  const slot = slots.find(({ key }) => key === shown);
  return (
    <section class="timeline" aria-labelledby="timeline-title">
      <h2 id="timeline-title">{w('timeline.title')}</h2>
      {timeline.total === 0 ? (
        <p class="empty">{w('timeline.empty')}</p>
      ) : (
        <>
          <p class="about">{about}</p>
          <ul class="legend">
            {timeline.kinds
              .filter((kind) => slots.some(({ counts }) => counts[kind] !== undefined))
              .map((kind) => (
                <li key={kind}>
                  <svg width="10" height="10" aria-hidden="true">
                    <rect width="10" height="10" rx="2" class={`k-${kind}`} />
                  </svg>
                  {reader.say({ key: `kind.${kind}` })}
                </li>
              ))}
          </ul>
          <p class="scale" aria-hidden="true">
            <span class="today">
              {over > 0 && <strong>{w('timeline.over', { count: over.toLocaleString('en-US') })} ← </strong>}
              {w('timeline.today')}
            </span>
            <span>{w('timeline.most', { count: mostOf(slots).toLocaleString('en-US') })}</span>
          </p>
          <Bars {...{ timeline, slots, shown, setShown, about }} />
          <Months from={timeline.from} count={slots.length} />
          <p class="readout" aria-hidden="true">
            {slot === undefined
              ? w('timeline.hint')
              : `${slot.label}: ${sentence(slot, timeline.kinds, reader)}`}
          </p>
          <Table slots={all} kinds={timeline.kinds} />
        </>
      )}
    </section>
  );
}

function sentence({ counts, total }: Slot, kinds: readonly Kind[], { say, w, language }: Reader): string {
  if (total === 0) return w('timeline.none');
  const parts = kinds.flatMap((kind) => {
    const count = counts[kind];
    return count === undefined ? [] : [`${count.toLocaleString('en-US')} ${say({ key: `kind.${kind}` })}`];
  });
  return parts.join(language === 'zh' ? '、' : ', ');
}

function aboutOf({ total, later }: Timeline, w: Reader['w']): string {
  const more = totalOf(later);
  const [within, beyond] = [total - more, more].map((count) => count.toLocaleString('en-US'));
  return w('timeline.about', { total: within ?? '', later: beyond ?? '' });
}

interface BarParts {
  readonly about: string;
  readonly timeline: Timeline;
  readonly slots: readonly Slot[];
  readonly shown: string | undefined;
  readonly setShown: (key: string | undefined) => void;
}

function Bars({ timeline, slots, shown, setShown, about }: BarParts) {
  const most = mostOf(slots);
  const step = width / slots.length;
  return (
    <svg
      class="bars"
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={about}
      onPointerLeave={() => setShown(undefined)}
    >
      <line x1="0" x2={width} y1="8" y2="8" class="grid" />
      <line x1={step} x2={step} y1="0" y2={height} class="grid" />
      <line x1="0" x2={width} y1={height} y2={height} class="axis" />
      {slots.map((slot, i) => (
        <g key={slot.key} onPointerEnter={() => setShown(slot.key)} onPointerDown={() => setShown(slot.key)}>
          <rect
            x={i * step}
            y="0"
            width={step}
            height={height}
            class={shown === slot.key ? 'lane on' : 'lane'}
          />
          <Stack {...{ slot, kinds: timeline.kinds, x: i * step + step * 0.14, wide: step * 0.72, most }} />
        </g>
      ))}
    </svg>
  );
}

/** The first slot is what has expired: the weeks begin behind it. */
function Months({ from, count }: { readonly from: string; readonly count: number }) {
  const { language } = useReader();
  const start = new Date(from);
  const name = new Intl.DateTimeFormat(language === 'zh' ? 'zh-CN' : 'en', { month: 'short' });
  const marks = Array.from(
    { length: 13 },
    (_, i) => new Date(start.getFullYear(), start.getMonth() + 1 + i, 1),
  );
  return (
    <div class="months" aria-hidden="true">
      {marks.map((month, i) => {
        const at = (1 + (month.getTime() - start.getTime()) / week) / count;
        if (at >= 0.99) return null;
        const text = month.getMonth() === 0 ? String(month.getFullYear()) : name.format(month);
        return (
          <span key={month.getTime()} class={i % 2 === 0 ? 'even' : ''} style={{ left: `${at * 100}%` }}>
            {text}
          </span>
        );
      })}
    </div>
  );
}

interface StackParts {
  readonly slot: Slot;
  readonly kinds: readonly Kind[];
  readonly x: number;
  readonly wide: number;
  readonly most: number;
}

function Stack({ slot, kinds, x, wide, most }: StackParts) {
  let y = height;
  return (
    <>
      {kinds.map((kind) => {
        const count = slot.counts[kind];
        if (count === undefined) return null;
        // One alone among thousands is still seen.
        const tall = Math.max(2, (count / most) * (height - 8));
        y -= tall;
        return <rect key={kind} x={x} y={y} width={wide} height={tall} class={`k-${kind}`} />;
      })}
    </>
  );
}

function Table({ slots, kinds }: { readonly slots: readonly Slot[]; readonly kinds: readonly Kind[] }) {
  const { w, say } = useReader();
  return (
    <details>
      <summary>{w('timeline.table')}</summary>
      <div class="scroll" tabIndex={0} role="region" aria-label={w('timeline.table')}>
        <table>
          <thead>
            <tr>
              <th scope="col">{w('timeline.when')}</th>
              {kinds.map((kind) => (
                <th key={kind} scope="col" class="number">
                  {say({ key: `kind.${kind}` })}
                </th>
              ))}
              <th scope="col" class="number">
                {w('timeline.total')}
              </th>
            </tr>
          </thead>
          <tbody>
            {slots
              .filter(({ total }) => total > 0)
              .map(({ key, label, counts, total }) => (
                <tr key={key}>
                  <th scope="row">{label}</th>
                  {kinds.map((kind) => (
                    <td key={kind} class="number">
                      {counts[kind] ?? ''}
                    </td>
                  ))}
                  <td class="number">{total}</td>
                </tr>
              ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
