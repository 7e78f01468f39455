/** A name that the default branch had, and when GitLab was first heard to call it otherwise. */
export interface FormerBranch {
  name: string
  until: Date
}

/** A branch under all names that it had. What bore a former one later is another branch. */
export interface BranchNames {
  name: string
  former: readonly FormerBranch[]
}

/** Of branches that are not the default one no former names are known. */
export function namesOfBranch(
  project: { defaultBranch: string | null; formerBranches?: readonly FormerBranch[] },
  name: string,
): BranchNames {
  return { name, former: name === project.defaultBranch ? (project.formerBranches ?? []) : [] }
}

export function allNames({ name, former }: BranchNames): string[] {
  return [name, ...former.map((one) => one.name)]
}

/** Whether what was called `ref` at that time is the branch. */
export function wasCalled({ name, former }: BranchNames, ref: string, at: Date): boolean {
  return ref === name || former.some((one) => one.name === ref && at < one.until)
}
