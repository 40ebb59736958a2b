// Command harbor calls a registry's management API with goharbor's Go client, which reads every answer by
// Harbor's description and takes a status that is not in it for an error.
//
//	harbor URL USER PASSWORD REPOSITORY
//
// REPOSITORY is a repository of the project library with one image in it, tagged v1, which is gone afterwards.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/goharbor/go-client/pkg/harbor"
	v2 "github.com/goharbor/go-client/pkg/sdk/v2.0/client"
	"github.com/goharbor/go-client/pkg/sdk/v2.0/client/artifact"
	"github.com/goharbor/go-client/pkg/sdk/v2.0/client/auditlog"
	"github.com/goharbor/go-client/pkg/sdk/v2.0/client/configure"
	"github.com/goharbor/go-client/pkg/sdk/v2.0/client/health"
	"github.com/goharbor/go-client/pkg/sdk/v2.0/client/label"
	"github.com/goharbor/go-client/pkg/sdk/v2.0/client/ldap"
	"github.com/goharbor/go-client/pkg/sdk/v2.0/client/member"
	"github.com/goharbor/go-client/pkg/sdk/v2.0/client/permissions"
	"github.com/goharbor/go-client/pkg/sdk/v2.0/client/ping"
	"github.com/goharbor/go-client/pkg/sdk/v2.0/client/project"
	"github.com/goharbor/go-client/pkg/sdk/v2.0/client/project_metadata"
	"github.com/goharbor/go-client/pkg/sdk/v2.0/client/quota"
	"github.com/goharbor/go-client/pkg/sdk/v2.0/client/repository"
	"github.com/goharbor/go-client/pkg/sdk/v2.0/client/robot"
	"github.com/goharbor/go-client/pkg/sdk/v2.0/client/search"
	"github.com/goharbor/go-client/pkg/sdk/v2.0/client/statistic"
	"github.com/goharbor/go-client/pkg/sdk/v2.0/client/systeminfo"
	"github.com/goharbor/go-client/pkg/sdk/v2.0/client/user"
	"github.com/goharbor/go-client/pkg/sdk/v2.0/client/usergroup"
	"github.com/goharbor/go-client/pkg/sdk/v2.0/models"
)

var (
	ctx    = context.Background()
	api    *v2.HarborAPI
	failed int
)

// must ends the program on an error: what follows needs the answer.
func must[T any](what string, answer T, err error) T {
	if err != nil {
		fmt.Printf("%s: %v\n", what, err)
		os.Exit(1)
	}
	return answer
}

// check counts what is not as it should be.
func check(what string, good bool, got any) {
	if !good {
		failed++
		fmt.Printf("%s: %+v\n", what, got)
	}
}

func ptr[T any](value T) *T { return &value }

// number is the id at the end of a Location.
func number(location string) int64 {
	var id int64
	_, err := fmt.Sscan(location[strings.LastIndex(location, "/")+1:], &id)
	return must("number of "+location, id, err)
}

func main() {
	if len(os.Args) != 5 {
		fmt.Println("harbor URL USER PASSWORD REPOSITORY")
		os.Exit(2)
	}
	client, err := harbor.NewClientSet(&harbor.ClientSetConfig{
		URL: os.Args[1], Username: os.Args[2], Password: os.Args[3],
	})
	api = must("client", client, err).V2()
	system()
	projects()
	people()
	robots()
	content(os.Args[4])
	settings()
	if failed > 0 {
		os.Exit(1)
	}
	fmt.Println("all good")
}

func system() {
	pong, err := api.Ping.GetPing(ctx, &ping.GetPingParams{})
	must("ping", pong, err)
	well, err := api.Health.GetHealth(ctx, &health.GetHealthParams{})
	check("health", must("health", well, err).Payload.Status == "healthy", well)
	info, err := api.Systeminfo.GetSystemInfo(ctx, &systeminfo.GetSystemInfoParams{})
	check("systeminfo", strings.HasPrefix(*must("systeminfo", info, err).Payload.HarborVersion, "v2."), info.Payload)
	volumes, err := api.Systeminfo.GetVolumes(ctx, &systeminfo.GetVolumesParams{})
	must("volumes", volumes, err)
	counts, err := api.Statistic.GetStatistic(ctx, &statistic.GetStatisticParams{})
	must("statistics", counts, err)
	all, err := api.Permissions.GetPermissions(ctx, &permissions.GetPermissionsParams{})
	check("permissions", len(must("permissions", all, err).Payload.Project) > 0, all)
}

func projects() {
	made, err := api.Project.CreateProject(ctx, &project.CreateProjectParams{Project: &models.ProjectReq{
		ProjectName: "goclient", Metadata: &models.ProjectMetadata{Public: "false"}, StorageLimit: ptr(int64(1 << 30)),
	}})
	location := must("create project", made, err).Location
	id := fmt.Sprint(number(location))
	found, err := api.Project.GetProject(ctx, &project.GetProjectParams{ProjectNameOrID: id})
	check("project", must("get project", found, err).Payload.Name == "goclient", found.Payload)
	named, err := api.Project.GetProject(ctx, &project.GetProjectParams{
		ProjectNameOrID: "goclient", XIsResourceName: ptr(true),
	})
	must("get project by name", named, err)
	head, err := api.Project.HeadProject(ctx, &project.HeadProjectParams{ProjectName: "goclient"})
	must("head project", head, err)
	again, err := api.Project.CreateProject(ctx, &project.CreateProjectParams{
		Project: &models.ProjectReq{ProjectName: "goclient"},
	})
	var conflict *project.CreateProjectConflict
	check("make it again", errors.As(err, &conflict), again)
	updated, err := api.Project.UpdateProject(ctx, &project.UpdateProjectParams{
		ProjectNameOrID: id, Project: &models.ProjectReq{Metadata: &models.ProjectMetadata{AutoScan: ptr("true")}},
	})
	must("update project", updated, err)
	metadata, err := api.ProjectMetadata.ListProjectMetadatas(ctx, &project_metadata.ListProjectMetadatasParams{ProjectNameOrID: id})
	check("metadata", must("metadata", metadata, err).Payload["auto_scan"] == "true", metadata)
	list, err := api.Project.ListProjects(ctx, &project.ListProjectsParams{Q: ptr("name=~goc"), Page: ptr(int64(0)), PageSize: ptr(int64(0))})
	check("projects", len(must("list projects", list, err).Payload) == 1 && list.XTotalCount == 1, list)
	summary, err := api.Project.GetProjectSummary(ctx, &project.GetProjectSummaryParams{ProjectNameOrID: id})
	check("summary", must("summary", summary, err).Payload.Quota.Hard["storage"] == 1<<30, summary.Payload)
	logs, err := api.Project.GetLogExts(ctx, &project.GetLogExtsParams{ProjectName: "goclient"})
	check("logs", len(must("logs of project", logs, err).Payload) > 0, logs)
	quotas, err := api.Quota.ListQuotas(ctx, &quota.ListQuotasParams{Reference: ptr("project"), ReferenceID: ptr(id)})
	check("quotas", len(must("quotas", quotas, err).Payload) == 1, quotas)
	set, err := api.Quota.UpdateQuota(ctx, &quota.UpdateQuotaParams{
		ID: quotas.Payload[0].ID, Hard: &models.QuotaUpdateReq{Hard: models.ResourceList{"storage": 1 << 31}},
	})
	must("set quota", set, err)
	marked, err := api.Label.CreateLabel(ctx, &label.CreateLabelParams{Label: &models.Label{
		Name: "good", Scope: "p", ProjectID: number(location), Color: "#00AB9A",
	}})
	labelID := number(must("create label", marked, err).Location)
	labels, err := api.Label.ListLabels(ctx, &label.ListLabelsParams{Scope: ptr("p"), ProjectID: ptr(number(location))})
	check("labels", len(must("labels", labels, err).Payload) == 1, labels)
	unmarked, err := api.Label.DeleteLabel(ctx, &label.DeleteLabelParams{LabelID: labelID})
	must("delete label", unmarked, err)
}

func people() {
	made, err := api.User.CreateUser(ctx, &user.CreateUserParams{UserReq: &models.UserCreationReq{
		Username: "goann", Email: "goann@example.org", Realname: "Ann", Password: "Sesame123", Comment: "-",
	}})
	id := number(must("create user", made, err).Location)
	list, err := api.User.ListUsers(ctx, &user.ListUsersParams{Q: ptr("username=goann")})
	check("users", len(must("list users", list, err).Payload) == 1, list)
	me, err := api.User.GetCurrentUserInfo(ctx, &user.GetCurrentUserInfoParams{})
	check("current user", must("current user", me, err).Payload.SysadminFlag, me.Payload)
	admin, err := api.User.SetUserSysAdmin(ctx, &user.SetUserSysAdminParams{
		UserID: id, SysadminFlag: &models.UserSysAdminFlag{SysadminFlag: true},
	})
	must("make an administrator", admin, err)
	password, err := api.User.UpdateUserPassword(ctx, &user.UpdateUserPasswordParams{
		UserID: id, Password: &models.PasswordReq{NewPassword: "Sesame456"},
	})
	must("set password", password, err)
	joined, err := api.Member.CreateProjectMember(ctx, &member.CreateProjectMemberParams{
		ProjectNameOrID: "goclient", ProjectMember: &models.ProjectMember{
			RoleID: 2, MemberUser: &models.UserEntity{Username: "goann"},
		},
	})
	mid := number(must("add member", joined, err).Location)
	changed, err := api.Member.UpdateProjectMember(ctx, &member.UpdateProjectMemberParams{
		ProjectNameOrID: "goclient", Mid: mid, Role: &models.RoleRequest{RoleID: 3},
	})
	must("change member", changed, err)
	members, err := api.Member.ListProjectMembers(ctx, &member.ListProjectMembersParams{
		ProjectNameOrID: "goclient", Entityname: ptr("goann"),
	})
	check("members", must("members", members, err).Payload[0].RoleName == "guest", members)
	left, err := api.Member.DeleteProjectMember(ctx, &member.DeleteProjectMemberParams{ProjectNameOrID: "goclient", Mid: mid})
	must("remove member", left, err)
	group, err := api.Usergroup.CreateUserGroup(ctx, &usergroup.CreateUserGroupParams{
		Usergroup: &models.UserGroup{GroupName: "gocrew", GroupType: 3},
	})
	groupID := number(must("create group", group, err).Location)
	groups, err := api.Usergroup.ListUserGroups(ctx, &usergroup.ListUserGroupsParams{GroupName: ptr("gocrew")})
	check("groups", len(must("groups", groups, err).Payload) == 1, groups)
	ungrouped, err := api.Usergroup.DeleteUserGroup(ctx, &usergroup.DeleteUserGroupParams{GroupID: groupID})
	must("delete group", ungrouped, err)
	gone, err := api.User.DeleteUser(ctx, &user.DeleteUserParams{UserID: id})
	must("delete user", gone, err)
}

func robots() {
	permissions := []*models.RobotPermission{{
		Kind: "project", Namespace: "goclient", Access: []*models.Access{{Resource: "repository", Action: "pull"}},
	}}
	made, err := api.Robot.CreateRobot(ctx, &robot.CreateRobotParams{Robot: &models.RobotCreate{
		Name: "ci", Level: "project", Duration: 30, Permissions: permissions,
	}})
	created := must("create robot", made, err).Payload
	check("robot", created.Secret != "" && strings.HasSuffix(created.Name, "goclient+ci"), created)
	found, err := api.Robot.GetRobotByID(ctx, &robot.GetRobotByIDParams{RobotID: created.ID})
	read := must("get robot", found, err).Payload
	read.Disable = true
	changed, err := api.Robot.UpdateRobot(ctx, &robot.UpdateRobotParams{RobotID: created.ID, Robot: read})
	must("update robot as it was read", changed, err)
	secret, err := api.Robot.RefreshSec(ctx, &robot.RefreshSecParams{RobotID: created.ID, RobotSec: &models.RobotSec{}})
	check("secret", must("rotate", secret, err).Payload.Secret != created.Secret, secret)
	filter := fmt.Sprintf("Level=project,ProjectID=%d", projectID())
	list, err := api.Robot.ListRobot(ctx, &robot.ListRobotParams{Q: &filter})
	check("robots", len(must("robots", list, err).Payload) == 1, list)
	gone, err := api.Robot.DeleteRobot(ctx, &robot.DeleteRobotParams{RobotID: created.ID})
	must("delete robot", gone, err)
	system, err := api.Robot.CreateRobot(ctx, &robot.CreateRobotParams{Robot: &models.RobotCreate{
		Name: "gosystem", Level: "system", Duration: -1, Permissions: permissions,
	}})
	id := must("create robot of the system", system, err).Payload.ID
	gone, err = api.Robot.DeleteRobot(ctx, &robot.DeleteRobotParams{RobotID: id})
	must("delete robot of the system", gone, err)
}

func projectID() int64 {
	found, err := api.Project.GetProject(ctx, &project.GetProjectParams{ProjectNameOrID: "goclient"})
	return int64(must("get project", found, err).Payload.ProjectID)
}

func content(name string) {
	repositories, err := api.Repository.ListRepositories(ctx, &repository.ListRepositoriesParams{ProjectName: "library"})
	check("repositories", len(must("repositories", repositories, err).Payload) > 0, repositories)
	described, err := api.Repository.UpdateRepository(ctx, &repository.UpdateRepositoryParams{
		ProjectName: "library", RepositoryName: name, Repository: &models.Repository{Description: "by goharbor's client"},
	})
	must("describe repository", described, err)
	shown, err := api.Repository.GetRepository(ctx, &repository.GetRepositoryParams{ProjectName: "library", RepositoryName: name})
	check("repository", must("repository", shown, err).Payload.ArtifactCount == 1, shown.Payload)
	list, err := api.Artifact.ListArtifacts(ctx, &artifact.ListArtifactsParams{
		ProjectName: "library", RepositoryName: name, WithTag: ptr(true), WithLabel: ptr(true), WithAccessory: ptr(true),
	})
	check("artifacts", must("artifacts", list, err).Payload[0].Tags[0].Name == "v1", list)
	digest := list.Payload[0].Digest
	tagged, err := api.Artifact.CreateTag(ctx, &artifact.CreateTagParams{
		ProjectName: "library", RepositoryName: name, Reference: digest, Tag: &models.Tag{Name: "v2"},
	})
	must("tag", tagged, err)
	tags, err := api.Artifact.ListTags(ctx, &artifact.ListTagsParams{ProjectName: "library", RepositoryName: name, Reference: digest})
	check("tags", len(must("tags", tags, err).Payload) == 2, tags)
	untagged, err := api.Artifact.DeleteTag(ctx, &artifact.DeleteTagParams{
		ProjectName: "library", RepositoryName: name, Reference: digest, TagName: "v2",
	})
	must("delete tag", untagged, err)
	copied, err := api.Artifact.CopyArtifact(ctx, &artifact.CopyArtifactParams{
		ProjectName: "goclient", RepositoryName: "copy", From: "library/" + name + "@" + digest,
	})
	must("copy", copied, err)
	one, err := api.Artifact.GetArtifact(ctx, &artifact.GetArtifactParams{ProjectName: "goclient", RepositoryName: "copy", Reference: digest})
	check("copy", must("copied artifact", one, err).Payload.Digest == digest, one)
	hits, err := api.Search.Search(ctx, &search.SearchParams{Q: "cop"})
	check("search", len(must("search", hits, err).Payload.Repository) == 1, hits)
	removed, err := api.Artifact.DeleteArtifact(ctx, &artifact.DeleteArtifactParams{ProjectName: "library", RepositoryName: name, Reference: digest})
	must("delete artifact", removed, err)
	gone, err := api.Repository.DeleteRepository(ctx, &repository.DeleteRepositoryParams{ProjectName: "goclient", RepositoryName: "copy"})
	must("delete repository", gone, err)
	without, err := api.Project.DeleteProject(ctx, &project.DeleteProjectParams{ProjectNameOrID: "goclient"})
	must("delete project", without, err)
}

func settings() {
	shown, err := api.Configure.GetConfigurations(ctx, &configure.GetConfigurationsParams{})
	before := must("configurations", shown, err).Payload
	check("robot duration", before.RobotTokenDuration != nil && before.RobotTokenDuration.Editable, before)
	changed, err := api.Configure.UpdateConfigurations(ctx, &configure.UpdateConfigurationsParams{
		Configurations: &models.Configurations{RobotTokenDuration: ptr(int64(7)), ReadOnly: ptr(false)},
	})
	must("change configurations", changed, err)
	refused, err := api.Configure.UpdateConfigurations(ctx, &configure.UpdateConfigurationsParams{
		Configurations: &models.Configurations{TokenExpiration: ptr(int64(0))},
	})
	// 400 is not in this client's description.
	check("change to nonsense", err != nil && strings.Contains(err.Error(), "400"), refused)
	tried, err := api.Ldap.PingLdap(ctx, &ldap.PingLdapParams{Ldapconf: &models.LdapConf{
		LdapURL: "ldap://127.0.0.1:1", LdapBaseDn: "dc=example",
	}})
	check("ldap", !must("try a directory", tried, err).Payload.Success, tried)
	rows, err := api.Auditlog.ListAuditLogExts(ctx, &auditlog.ListAuditLogExtsParams{Q: ptr("operation=update,resource_type=configuration")})
	check("record", len(must("record", rows, err).Payload) == 1, rows)
	events, err := api.Auditlog.ListAuditLogEventTypes(ctx, &auditlog.ListAuditLogEventTypesParams{})
	check("events", len(must("events", events, err).Payload) > 0, events)
}
