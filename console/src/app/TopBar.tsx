import { applyMode, Mode } from '@cloudscape-design/global-styles';
import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
import Button from '@cloudscape-design/components/button';
import { useEffect, useState } from 'react';
import { Link } from 'wouter';
import { useLiveState, useParts, useSession } from './context';

const WORDS = {
  off: 'Messages: off',
  connecting: 'Messages: connecting',
  live: 'Messages: live',
  lost: 'Messages: lost',
};

/** The bar at the top: home, state of the messages, light or dark, who is signed in. */
export function TopBar() {
  const { config, sessions, queries } = useParts();
  const session = useSession();
  const { kind } = useLiveState();
  const [dark, setDark] = useDark();
  return (
    <header id="top" className="top">
      <Link href="/devices" className="top-title">
        AWS IoT Playground
      </Link>
      <span className="top-home" data-testid="home">
        {config.home === 'local' ? 'this machine' : `AWS ${config.region}`}
      </span>
      <span className="top-space" />
      <span
        className={`top-live top-live-${kind}`}
        data-testid="live-state"
        data-state={kind}
        role="status"
      >
        <span className="top-dot" aria-hidden="true" />
        {WORDS[kind]}
      </span>
      <Button
        variant="icon"
        iconSvg={<ModeIcon />}
        ariaLabel={dark ? 'Light mode' : 'Dark mode'}
        data-testid="dark-mode"
        onClick={() => {
          setDark(!dark);
        }}
      />
      <ButtonDropdown
        variant="icon"
        ariaLabel={`Signed in as ${session?.username ?? ''}, ${session?.group ?? ''}`}
        data-testid="user-menu"
        items={[
          {
            id: 'who',
            text: `${session?.username ?? ''}: ${session?.group ?? ''}`,
            disabled: true,
          },
          { id: 'out', text: 'Sign out' },
        ]}
        onItemClick={({ detail }) => {
          if (detail.id !== 'out') return;
          void sessions.signOut();
          // The next one may be allowed less.
          queries.clear();
        }}
      />
    </header>
  );
}

const ModeIcon = () => (
  <svg viewBox="0 0 16 16" aria-hidden="true" focusable="false">
    <circle cx="8" cy="8" r="6" />
    <path d="M8 2v12M8 5l4 0M8 8h6M8 11h4" />
  </svg>
);

const KEY = 'playground-mode';

/** Light or dark: what was chosen here, otherwise what the system has. */
function useDark(): [boolean, (dark: boolean) => void] {
  const [chosen, setChosen] = useState(() => stored());
  const [system, setSystem] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches);
  useEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)');
    const change = (): void => {
      setSystem(query.matches);
    };
    query.addEventListener('change', change);
    return () => {
      query.removeEventListener('change', change);
    };
  }, []);
  const dark = chosen ?? system;
  useEffect(() => {
    applyMode(dark ? Mode.Dark : Mode.Light);
  }, [dark]);
  return [
    dark,
    (next) => {
      setChosen(next);
      try {
        localStorage.setItem(KEY, next ? 'dark' : 'light');
      } catch {
        // A browser that keeps nothing: the choice is good until the page is closed.
      }
    },
  ];
}

function stored(): boolean | undefined {
  try {
    const value = localStorage.getItem(KEY);
    return value === null ? undefined : value === 'dark';
  } catch {
    return undefined;
  }
}
