// Reads and writes with GitLab's own Go client what the task on standard input names, and prints the answers.
package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"log"
	"os"
	"sort"

	gitlab "gitlab.com/gitlab-org/api/client-go"
)

type task struct {
	URL          string `json:"url"`
	Token        string `json:"token"`
	ProjectPath  string `json:"projectPath"`
	ProjectID    int64  `json:"projectId"`
	SourceBranch string `json:"sourceBranch"`
	SHA          string `json:"sha"`
	PipelineID   int64  `json:"pipelineId"`
	BulkIID      int64  `json:"bulkIid"`
	File         string `json:"file"`
	Receiver     string `json:"receiver"`
}

type answers map[string]any

func main() {
	log.SetFlags(0)
	var given task
	check(json.NewDecoder(os.Stdin).Decode(&given))
	client := connect(given, given.Token)
	found := answers{}
	readPeopleAndProject(client, given, found)
	writeMergeRequestAndNotes(client, given, found)
	writeStatus(client, given, found)
	readPipelines(client, given, found)
	readFiles(client, given, found)
	writeHook(client, given, found)
	found["errors"] = refusals(client, given)
	check(json.NewEncoder(os.Stdout).Encode(found))
}

func connect(given task, token string, options ...gitlab.ClientOptionFunc) *gitlab.Client {
	return must(gitlab.NewClient(token, append(options, gitlab.WithBaseURL(given.URL))...))
}

func readPeopleAndProject(client *gitlab.Client, given task, found answers) {
	user, _, err := client.Users.CurrentUser()
	check(err)
	byPath, _, err := client.Projects.GetProject(given.ProjectPath, nil)
	check(err)
	byID, _, err := client.Projects.GetProject(given.ProjectID, nil)
	check(err)
	members, _, err := client.ProjectMembers.ListAllProjectMembers(given.ProjectID, nil)
	check(err)
	names := []string{}
	for _, member := range members {
		names = append(names, member.Username)
	}
	sort.Strings(names)
	found["user"] = user.Username
	found["projectByPath"] = byPath.ID
	found["projectById"] = byID.PathWithNamespace
	found["members"] = names
}

func writeMergeRequestAndNotes(client *gitlab.Client, given task, found answers) {
	made, _, err := client.MergeRequests.CreateMergeRequest(given.ProjectPath, &gitlab.CreateMergeRequestOptions{
		Title:        gitlab.Ptr("Made by a client"),
		SourceBranch: gitlab.Ptr(given.SourceBranch),
		TargetBranch: gitlab.Ptr("main"),
	})
	check(err)
	shown, _, err := client.MergeRequests.GetMergeRequest(given.ProjectPath, made.IID, nil)
	check(err)
	listed, _, err := client.MergeRequests.ListProjectMergeRequests(
		given.ProjectPath,
		&gitlab.ListProjectMergeRequestsOptions{State: gitlab.Ptr("opened")},
	)
	check(err)
	iids := []int64{}
	for _, entry := range listed {
		iids = append(iids, entry.IID)
	}
	sort.Slice(iids, func(a, b int) bool { return iids[a] < iids[b] })
	found["madeIid"] = made.IID
	found["shown"] = []string{shown.Title, shown.SourceBranch, shown.SHA}
	found["listed"] = iids
	found["notes"] = writeNotes(client, given, made.IID)
	found["paged"] = len(listNotes(client, given, given.BulkIID))
}

func writeNotes(client *gitlab.Client, given task, iid int64) []string {
	ids := []int64{}
	for _, body := range []string{"first", "second"} {
		note, _, err := client.Notes.CreateMergeRequestNote(
			given.ProjectPath, iid, &gitlab.CreateMergeRequestNoteOptions{Body: gitlab.Ptr(body)},
		)
		check(err)
		ids = append(ids, note.ID)
	}
	_, _, err := client.Notes.UpdateMergeRequestNote(
		given.ProjectPath, iid, ids[0], &gitlab.UpdateMergeRequestNoteOptions{Body: gitlab.Ptr("first, edited")},
	)
	check(err)
	_, err = client.Notes.DeleteMergeRequestNote(given.ProjectPath, iid, ids[1])
	check(err)
	bodies := []string{}
	for _, note := range listNotes(client, given, iid) {
		if !note.System {
			bodies = append(bodies, note.Body)
		}
	}
	return bodies
}

func listNotes(client *gitlab.Client, given task, iid int64) []*gitlab.Note {
	options := &gitlab.ListMergeRequestNotesOptions{ListOptions: gitlab.ListOptions{PerPage: 50}}
	return must(gitlab.ScanAndCollect(
		func(page gitlab.PaginationOptionFunc) ([]*gitlab.Note, *gitlab.Response, error) {
			return client.Notes.ListMergeRequestNotes(given.ProjectPath, iid, options, page)
		},
	))
}

func writeStatus(client *gitlab.Client, given task, found answers) {
	made, _, err := client.Commits.SetCommitStatus(given.ProjectPath, given.SHA, &gitlab.SetCommitStatusOptions{
		State:       gitlab.Success,
		Name:        gitlab.Ptr("mlmm"),
		Description: gitlab.Ptr("as good as main"),
	})
	check(err)
	listed, _, err := client.Commits.GetCommitStatuses(given.ProjectPath, given.SHA, nil)
	check(err)
	names := []string{}
	for _, status := range listed {
		names = append(names, status.Name+" "+status.Status)
	}
	sort.Strings(names)
	found["status"] = []string{made.Status, made.Name}
	found["statuses"] = names
}

func readPipelines(client *gitlab.Client, given task, found answers) {
	listed, _, err := client.Pipelines.ListProjectPipelines(
		given.ProjectPath, &gitlab.ListProjectPipelinesOptions{Source: gitlab.Ptr("merge_request_event")},
	)
	check(err)
	ids := []int64{}
	for _, pipeline := range listed {
		ids = append(ids, pipeline.ID)
	}
	jobs, _, err := client.Jobs.ListPipelineJobs(given.ProjectPath, given.PipelineID, nil)
	check(err)
	names := []string{}
	for _, job := range jobs {
		names = append(names, job.Name+" "+job.Status)
	}
	sort.Strings(names)
	found["pipelines"] = ids
	found["jobs"] = names
}

func readFiles(client *gitlab.Client, given task, found answers) {
	file, _, err := client.RepositoryFiles.GetFile(
		given.ProjectPath, given.File, &gitlab.GetFileOptions{Ref: gitlab.Ptr("main")},
	)
	check(err)
	raw, _, err := client.RepositoryFiles.GetRawFile(
		given.ProjectPath, given.File, &gitlab.GetRawFileOptions{Ref: gitlab.Ptr("main")},
	)
	check(err)
	tree, _, err := client.Repositories.ListTree(given.ProjectPath, &gitlab.ListTreeOptions{Ref: gitlab.Ptr("main")})
	check(err)
	paths := []string{}
	for _, entry := range tree {
		paths = append(paths, entry.Path)
	}
	found["file"] = string(must(base64.StdEncoding.DecodeString(file.Content)))
	found["rawFile"] = string(raw)
	found["tree"] = paths
}

func writeHook(client *gitlab.Client, given task, found answers) {
	made, _, err := client.Projects.AddProjectHook(given.ProjectPath, &gitlab.AddProjectHookOptions{
		URL:                 gitlab.Ptr(given.Receiver),
		PushEvents:          gitlab.Ptr(false),
		MergeRequestsEvents: gitlab.Ptr(true),
		Token:               gitlab.Ptr("secret"),
	})
	check(err)
	_, _, err = client.Projects.EditProjectHook(given.ProjectPath, made.ID, &gitlab.EditProjectHookOptions{
		URL:            gitlab.Ptr(given.Receiver),
		PipelineEvents: gitlab.Ptr(true),
	})
	check(err)
	shown, _, err := client.Projects.GetProjectHook(given.ProjectPath, made.ID)
	check(err)
	_, err = client.Projects.TriggerTestProjectHook(given.ProjectPath, made.ID, gitlab.ProjectHookEventPush)
	check(err)
	_, err = client.Projects.DeleteProjectHook(given.ProjectPath, made.ID)
	check(err)
	left, _, err := client.Projects.ListProjectHooks(given.ProjectPath, nil)
	check(err)
	found["hook"] = []any{shown.URL == given.Receiver, shown.PushEvents, shown.PipelineEvents, shown.AlertStatus}
	found["hooksLeft"] = len(left)
}

func refusals(client *gitlab.Client, given task) answers {
	_, _, missing := client.Projects.GetProject("research/nothing", nil)
	_, _, unauthorized := connect(given, "wrong").Users.CurrentUser()
	hasty := connect(given, given.Token, gitlab.WithoutRetries())
	_, _, limited := hasty.Branches.ListBranches(given.ProjectPath, nil)
	return answers{
		"missing":      codeOf(missing),
		"unauthorized": codeOf(unauthorized),
		"limited":      codeOf(limited),
	}
}

func codeOf(err error) any {
	var refusal *gitlab.ErrorResponse
	if errors.As(err, &refusal) {
		return refusal.Response.StatusCode
	}
	if errors.Is(err, gitlab.ErrNotFound) {
		return 404
	}
	return nil
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
