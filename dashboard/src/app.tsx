import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { languages, type Language } from '../../src/view/messages/message.ts';
import { LiveContext } from './data.ts';
import { useLive, type Live } from './live.ts';
import { Cas } from './pages/cas.tsx';
import { History } from './pages/history.tsx';
import { NodePage } from './pages/node.tsx';
import { Nodes } from './pages/nodes.tsx';
import { Overview } from './pages/overview.tsx';
import { Plan } from './pages/plan.tsx';
import { Settings } from './pages/settings.tsx';
import { Paused } from './parts/paused.tsx';
import { SignIn } from './parts/sign-in.tsx';
import {
  browserLanguage,
  choose,
  chosen,
  ReaderContext,
  readerOf,
  themes,
  useReader,
  zone,
  type Theme,
} from './reader.ts';
import { pages, useRoute, type Route } from './route.ts';
import { SessionContext, useNewSession, useSession } from './session.ts';

export function App() {
  const [language, setLanguage] = useState<Language>(() => chosen('language', languages, browserLanguage()));
  const [theme, setTheme] = useState<Theme>(() => chosen('theme', themes, 'auto'));
  const reader = useMemo(() => readerOf(language), [language]);
  const route = useRoute();
  const live = useLive();
  const session = useNewSession();
  useEffect(() => {
    document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
    choose('language', language);
  }, [language]);
  useEffect(() => {
    document.documentElement.dataset['theme'] = theme;
    choose('theme', theme);
  }, [theme]);
  return (
    <ReaderContext.Provider value={reader}>
      <LiveContext.Provider value={live}>
        <SessionContext.Provider value={session}>
          <Shell
            {...{ route, live, theme, setTheme }}
            toggleLanguage={() => setLanguage(language === 'zh' ? 'en' : 'zh')}
          />
          <SignIn />
        </SessionContext.Provider>
      </LiveContext.Provider>
    </ReaderContext.Provider>
  );
}

interface ShellParts {
  readonly route: Route;
  readonly live: Live;
  readonly theme: Theme;
  readonly setTheme: (theme: Theme) => void;
  readonly toggleLanguage: () => void;
}

function Shell({ route, live, theme, setTheme, toggleLanguage }: ShellParts) {
  const { w, time } = useReader();
  const main = useRef<HTMLElement>(null);
  const title = route.node ?? w(`nav.${route.page}`);
  const place = `${route.page}/${route.node ?? ''}`;
  const first = useRef(place);
  useEffect(() => {
    document.title = `${title} · cluster-cert-rotator`;
  }, [title]);
  // Another page begins at its top, for eyes and for screen readers, from the moment that it is there: not one key goes
  // to the link that led here.
  useLayoutEffect(() => {
    if (first.current === place) return;
    first.current = place;
    main.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [place]);
  return (
    <>
      <header class="bar">
        <a
          class="skip"
          href={location.hash}
          onClick={(event) => {
            event.preventDefault();
            main.current?.focus();
          }}
        >
          {w('skip')}
        </a>
        <a class="brand" href="#/overview">
          <img src="/icon.svg" alt="" width="22" height="22" />
          <span>cluster-cert-rotator</span>
        </a>
        <nav aria-label={w('nav.label')}>
          {pages.map((page) => (
            <a key={page} href={`#/${page}`} aria-current={route.page === page ? 'page' : undefined}>
              {w(`nav.${page}`)}
            </a>
          ))}
        </nav>
        <Tools {...{ live, theme, setTheme, toggleLanguage }} />
      </header>
      {!live.connected && (
        <p class="banner" role="alert">
          {w('live.offLong', { at: time(live.heardAt) })}
        </p>
      )}
      <Paused />
      <main ref={main} tabIndex={-1} data-page={place}>
        <Content route={route} />
      </main>
      <footer>{w('zone', { zone: zone() })}</footer>
    </>
  );
}

function Tools({ live, theme, setTheme, toggleLanguage }: Omit<ShellParts, 'route'>) {
  const { w } = useReader();
  return (
    <div class="tools">
      <span class={live.connected ? 'live' : 'live off'} role="status">
        {live.connected ? w('live') : w('live.off')}
      </span>
      <SessionButton />
      <label class="theme">
        <span class="unseen">{w('theme')}</span>
        <select
          value={theme}
          onChange={({ currentTarget }) =>
            setTheme(themes.find((one) => one === currentTarget.value) ?? 'auto')
          }
        >
          {themes.map((one) => (
            <option key={one} value={one}>
              {`${w('theme')}: ${w(`theme.${one}`)}`}
            </option>
          ))}
        </select>
      </label>
      <button type="button" class="quiet" onClick={toggleLanguage} aria-label={w('languageLabel')}>
        {w('language')}
      </button>
    </div>
  );
}

function Content({ route }: { readonly route: Route }) {
  if (route.node !== undefined) return <NodePage name={route.node} />;
  switch (route.page) {
    case 'overview':
      return <Overview />;
    case 'nodes':
      return <Nodes query={route.query} />;
    case 'plan':
      return <Plan />;
    case 'history':
      return <History />;
    case 'cas':
      return <Cas />;
    case 'settings':
      return <Settings />;
    default:
      return route.page satisfies never;
  }
}

function SessionButton() {
  const { w } = useReader();
  const { me, ask, signOut } = useSession();
  if (me === undefined)
    return (
      <button type="button" class="quiet" onClick={ask}>
        {w('token.none')}
      </button>
    );
  return (
    <>
      <span class="who" title={me.user}>
        {me.user.replace(/^system:serviceaccount:/, '')}
      </span>
      <button type="button" class="quiet" onClick={signOut}>
        {w('token.forget')}
      </button>
    </>
  );
}
