import { createGroupCommit } from './group-commit.js'

const readsInFlight = 2
const mostPerRead = 500

/** Lets concurrent callers share a read, which starts after each of them asked: none gets what was read before. */
export function createGroupRead<T>(
  read: (keys: string[]) => Promise<Map<string, T>>,
): (key: string) => Promise<T | null> {
  return createGroupCommit<string, T | null>({
    writesInFlight: readsInFlight,
    mostPerWrite: mostPerRead,
    prepare: (taken) => taken,
    async write(batch) {
      const found = await read([...new Set(batch.map(({ item }) => item))])
      for (const { item, settle } of batch) settle(found.get(item) ?? null)
    },
  })
}
