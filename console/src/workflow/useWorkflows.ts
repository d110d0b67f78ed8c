import { useQuery } from '@tanstack/react-query';
import { dataOf, type WorkflowName } from '../api/api';
import { useParts } from '../app/context';
import type { Json } from '../values/json';
import { graphOf, type StateGraph } from './graph';

export interface Workflow {
  name: WorkflowName;
  comment: string;
  graph: StateGraph;
}

/** The state machines as they are deployed. They change with a deployment only. */
export function useWorkflows() {
  const { api } = useParts();
  return useQuery({
    queryKey: ['workflows'],
    queryFn: ({ signal }) => dataOf(api.GET('/v1/workflows', { signal })),
    staleTime: 600_000,
    select: ({ workflows }): Workflow[] =>
      workflows.map(({ name, definition }) => ({
        name,
        comment: typeof definition.Comment === 'string' ? definition.Comment : '',
        graph: graphOf(definition as Json),
      })),
  });
}
