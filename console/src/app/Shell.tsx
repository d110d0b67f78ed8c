import AppLayout from '@cloudscape-design/components/app-layout';
import Flashbar, { type FlashbarProps } from '@cloudscape-design/components/flashbar';
import SideNavigation from '@cloudscape-design/components/side-navigation';
import Spinner from '@cloudscape-design/components/spinner';
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { Redirect, Route, Switch, useLocation } from 'wouter';
import { dataOf } from '../api/api';
import { Empty, Link } from '../ui/small';
import { useLiveState, useParts } from './context';
import { ErrorStop } from './ErrorStop';
import { TopBar } from './TopBar';

const DevicesView = lazy(() => import('../devices/DevicesView'));
const DeviceView = lazy(() => import('../device/DeviceView'));
const FleetsView = lazy(() => import('../fleets/FleetsView'));
const MethodsView = lazy(() => import('../methods/MethodsView'));
const WorkflowsView = lazy(() => import('../workflow/WorkflowsView'));
const ExecutionView = lazy(() => import('../workflow/ExecutionView'));
const MessagesView = lazy(() => import('../messages/MessagesView'));
const LearnPane = lazy(() => import('../learn/LearnPane'));
const LearnView = lazy(() => import('../learn/LearnView'));

const VIEWS = [
  { type: 'link', text: 'Devices', href: '/devices' },
  { type: 'link', text: 'Fleets', href: '/fleets' },
  { type: 'link', text: 'Methods', href: '/methods' },
  { type: 'link', text: 'Workflows', href: '/workflows' },
  { type: 'link', text: 'Messages', href: '/messages' },
  { type: 'link', text: 'Learn', href: '/learn' },
] as const;

/** What stands around every view: bar, navigation, notices, and the lessons at the side. */
export function Shell() {
  const { live, config } = useParts();
  const [path, navigate] = useLocation();
  const [navigationOpen, setNavigationOpen] = useState(
    () => matchMedia('(min-width: 1100px)').matches,
  );
  const [learning, setLearning] = useState(false);
  useEffect(() => {
    live.start();
    const look = (): void => {
      if (document.visibilityState === 'visible') live.retry();
    };
    document.addEventListener('visibilitychange', look);
    return () => {
      document.removeEventListener('visibilitychange', look);
      live.stop();
    };
  }, [live]);
  useRefetchAfterLoss();
  const place = VIEWS.find(({ href }) => path.startsWith(href))?.href ?? '/workflows';
  return (
    <>
      <TopBar />
      <AppLayout
        headerSelector="#top"
        navigationOpen={navigationOpen}
        onNavigationChange={({ detail }) => {
          setNavigationOpen(detail.open);
        }}
        navigation={
          <SideNavigation
            header={{ text: config.stack, href: '/devices' }}
            activeHref={place}
            items={VIEWS}
            onFollow={(event) => {
              event.preventDefault();
              navigate(event.detail.href);
              if (!matchMedia('(min-width: 1100px)').matches) setNavigationOpen(false);
            }}
          />
        }
        tools={
          // Loaded when somebody opens it.
          learning && (
            <Suspense fallback={<Spinner />}>
              <LearnPane path={path} />
            </Suspense>
          )
        }
        toolsOpen={learning}
        onToolsChange={({ detail }) => {
          setLearning(detail.open);
        }}
        ariaLabels={{
          navigation: 'Views',
          navigationClose: 'Close the list of views',
          navigationToggle: 'Open the list of views',
          notifications: 'Notices',
          tools: 'Lessons',
          toolsClose: 'Close the lessons',
          toolsToggle: 'Open the lessons',
        }}
        notifications={<Notices />}
        stickyNotifications
        maxContentWidth={1600}
        content={
          <ErrorStop path={path}>
            <Suspense fallback={<Spinner size="large" />}>
              <Views />
            </Suspense>
          </ErrorStop>
        }
      />
    </>
  );
}

function Views() {
  return (
    <Switch>
      <Route path="/">
        <Redirect to="/devices" replace />
      </Route>
      <Route path="/devices">
        <DevicesView />
      </Route>
      <Route path="/devices/:name/:tab?">
        {({ name, tab }) => (
          <DeviceView key={name} thingName={decodeURIComponent(name)} tab={tab ?? 'overview'} />
        )}
      </Route>
      <Route path="/fleets">
        <FleetsView />
      </Route>
      <Route path="/methods">
        <MethodsView />
      </Route>
      <Route path="/workflows/:workflow?">
        {({ workflow }) => <WorkflowsView workflow={workflow} />}
      </Route>
      <Route path="/executions/:name">
        {({ name }) => <ExecutionView key={name} name={decodeURIComponent(name)} />}
      </Route>
      <Route path="/messages">
        <MessagesView />
      </Route>
      <Route path="/learn">
        <LearnView />
      </Route>
      <Route>
        <Empty title="There is no such page" isPage>
          <Link to="/devices">All devices</Link>
        </Empty>
      </Route>
    </Switch>
  );
}

/** After a loss of the API or of the messages: ask again for what was missed. */
function useRefetchAfterLoss(): void {
  const { queries, reach, live } = useParts();
  const back = useSyncExternalStore(reach.subscribe, () => reach.back);
  const comebacks = useSyncExternalStore(live.subscribe, () => live.comebacks);
  const seen = useRef(0);
  useEffect(() => {
    if (back + comebacks === seen.current) return;
    seen.current = back + comebacks;
    void queries.invalidateQueries();
    live.retry();
  }, [back, comebacks, queries, live]);
}

/** Notices, the lost connections among them. */
function Notices() {
  const { flashes, reach, live, api } = useParts();
  const list = useSyncExternalStore(flashes.subscribe, () => flashes.list);
  const lost = useSyncExternalStore(reach.subscribe, () => reach.lost);
  const state = useLiveState();
  const [, navigate] = useLocation();
  // As long as the API is away it is asked for by the smallest request there is.
  useQuery({
    queryKey: ['is the API back'],
    queryFn: ({ signal }) =>
      dataOf(api.GET('/v1/devices', { params: { query: { limit: 1 } }, signal })),
    enabled: lost,
    refetchInterval: 3000,
    retry: false,
    gcTime: 0,
  });
  const items: FlashbarProps.MessageDefinition[] = list.map((flash) => ({
    id: flash.id,
    type: flash.type === 'in-progress' ? 'in-progress' : flash.type,
    loading: flash.type === 'in-progress',
    header: flash.header,
    content: flash.content,
    dismissible: true,
    dismissLabel: 'Dismiss',
    onDismiss: () => {
      flashes.dismiss(flash.id);
    },
    buttonText: flash.to === undefined ? undefined : 'Look at it',
    onButtonClick: () => {
      if (flash.to !== undefined) navigate(flash.to);
    },
  }));
  if (state.kind === 'lost' && !lost) {
    items.unshift({
      id: 'live-lost',
      type: 'warning',
      loading: true,
      header: 'Live messages have stopped',
      content: `${state.reason} It is tried again by itself; what is shown may be older.`,
      buttonText: 'Try now',
      onButtonClick: () => {
        live.retry();
      },
    });
  }
  if (lost) {
    items.unshift({
      id: 'api-lost',
      type: 'error',
      loading: true,
      header: 'The API can’t be reached',
      content:
        'What is shown is from before. It is tried again every three seconds, and the page then ' +
        'asks for what it has missed. Locally: playground status says what runs.',
    });
  }
  return (
    <Flashbar
      items={items}
      i18nStrings={{
        ariaLabel: 'Notices',
        errorIconAriaLabel: 'Error',
        warningIconAriaLabel: 'Warning',
        infoIconAriaLabel: 'Information',
        successIconAriaLabel: 'Done',
        inProgressIconAriaLabel: 'Under way',
      }}
    />
  );
}
