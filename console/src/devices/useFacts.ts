import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { dataOf, type Device } from '../api/api';
import { useParts, useTold } from '../app/context';
import type { Told } from '../live/store';
import type { Facts } from '../pictures/facts';
import { isObject, type JsonObject } from '../values/json';

/** The description of a device, shadow and all. */
export function useDescription(thingName: string, every: number | false = false) {
  const { api } = useParts();
  return useQuery({
    queryKey: ['device', thingName],
    queryFn: ({ signal }) =>
      dataOf(api.GET('/v1/devices/{thingName}', { params: { path: { thingName } }, signal })),
    staleTime: 5000,
    refetchInterval: every,
  });
}

/** Telemetry that was kept of a device, the oldest first. */
export const trailOf = (told: Told | undefined): JsonObject[] =>
  told === undefined
    ? []
    : told.recent
        .newest(300, ({ kind }) => kind === 'telemetry')
        .reverse()
        .map(({ payload }) => payload.value)
        .filter(isObject);

/**
 * What the picture of a device in the list shows. Its shadow is asked for once, when it is seen.
 */
export function useFacts(device: Device): { facts: Facts; told: Told | undefined } {
  const { api } = useParts();
  const told = useTold(device.thingName);
  const isSettled = useSettled();
  const { data } = useQuery({
    queryKey: ['device', device.thingName],
    queryFn: ({ signal }) =>
      dataOf(
        api.GET('/v1/devices/{thingName}', {
          params: { path: { thingName: device.thingName } },
          signal,
        }),
      ),
    staleTime: 60_000,
    // Not for each that flies past while one scrolls.
    enabled: isSettled && device.status !== 'TERMINATED' && HAS_STATE.has(device.deviceType),
  });
  const facts = {
    reported: { ...((data?.shadow?.reported ?? {}) as JsonObject), ...told?.reported },
    telemetry: told?.telemetry,
    trail: device.deviceType === 'vehicle' ? trailOf(told) : [],
    isOnline: device.status === 'ONLINE' || device.status === 'QUARANTINED',
  };
  return { facts, told };
}

/** Whether it has been there for a moment. */
function useSettled(): boolean {
  const [isSettled, setSettled] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => {
      setSettled(true);
    }, 300);
    return () => {
      clearTimeout(timer);
    };
  }, []);
  return isSettled;
}

/** Types whose picture shows a setting, which the list of devices does not have. */
const HAS_STATE = new Set(['bulb', 'switch', 'rogue', 'host']);
