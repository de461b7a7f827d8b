"""How each statement that allows something is shown to be needed: a test takes it out, or, where an emulator asks nobody, it is read here."""

from __future__ import annotations

from infra.deploy.statements import TEMPLATES, statements
from tests.delivery import test_publish
from tests.deployments import test_functions_rights
from tests.infra import test_each_statement
from tests.stack import test_monitoring

TAKEN_OUT = {
    "access.yaml": test_each_statement.NEEDED_BY,
    "delivery.yaml": test_publish.NEEDED_BY,
    "events.yaml": test_functions_rights.NEEDED_BY,
    "monitoring.yaml": test_monitoring.NEEDED_BY,
}
"""Without these something stops on a laptop, each with the command or the function that does."""
READ: dict[str, dict[str, list[str]]] = {
    # Who may assume a role, which stops everything on a laptop; KMS, which the emulator does not ask when S3 reads or writes; QuickSight, which it has not.
    "access.yaml": {
        "LakePolicy:RefreshSpice": [
            "quicksight:CreateIngestion",
            "quicksight:DescribeIngestion",
            "quicksight:CancelIngestion",
        ],
        "LakePolicy:UseLakeKey": ["kms:Decrypt", "kms:GenerateDataKey"],
        "TaskRole:EcsTasks": ["sts:AssumeRole"],
        "TaskRole:Laptop": ["sts:AssumeRole"],
        "UpkeepRole:EcsTasks": ["sts:AssumeRole"],
        "UpkeepRole:Laptop": ["sts:AssumeRole"],
        "UpkeepRole:UseLakeKey": ["kms:Decrypt", "kms:GenerateDataKey"],
        "DropRole:People": ["sts:AssumeRole"],
        "DropRole:Laptop": ["sts:AssumeRole"],
        "DropRole:UseLakeKey": ["kms:Decrypt", "kms:GenerateDataKey"],
        "CopyRole:Redshift": ["sts:AssumeRole"],
        "CopyRole:Laptop": ["sts:AssumeRole"],
        "CopyRole:UseLakeKey": ["kms:Decrypt", "kms:GenerateDataKey"],
        "CopyRole:SeeEncryption": ["s3:GetEncryptionConfiguration"],
    },
    # The emulator's Step Functions call in nobody's name; test_break_glass.py runs the machine.
    "break-glass.yaml": {
        "Role:StepFunctions": ["sts:AssumeRole"],
        "Role:RunTask": ["ecs:RunTask"],
        "Role:WatchTask": ["ecs:StopTask", "ecs:DescribeTasks"],
        "Role:PassRoles": ["iam:PassRole"],
        "Role:HearOfTheEnd": ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
        "Role:Tell": ["sns:Publish"],
    },
    # CodeBuild and CodePipeline are not here.
    "delivery.yaml": {
        "ProjectPolicy:Artifacts": ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"],
        "ProjectPolicy:WriteLogs": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "BuildRole:CodeBuild": ["sts:AssumeRole"],
        "BuildRole:LogInToRegistry": ["ecr:GetAuthorizationToken"],
        "BuildRole:PushAndScanImage": [
            "ecr:BatchCheckLayerAvailability",
            "ecr:InitiateLayerUpload",
            "ecr:UploadLayerPart",
            "ecr:CompleteLayerUpload",
            "ecr:PutImage",
            "ecr:BatchGetImage",
            "ecr:DescribeImages",
            "ecr:DescribeImageScanFindings",
        ],
        "DeployProjectRole:CodeBuild": ["sts:AssumeRole"],
        "DeployProjectRole:BecomeDeployers": ["sts:AssumeRole"],
        "DocsProjectRole:CodeBuild": ["sts:AssumeRole"],
        "PipelineRole:CodePipeline": ["sts:AssumeRole"],
        "PipelineRole:UseConnection": ["codeconnections:UseConnection", "codestar-connections:UseConnection"],
        "PipelineRole:PassArtifacts": ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"],
        "PipelineRole:RunProjects": ["codebuild:StartBuild", "codebuild:BatchGetBuilds"],
    },
    # The emulated CloudFront serves nothing.
    "docs.yaml": {"BucketPolicy:DistributionReads": ["s3:GetObject"]},
    # The emulator gives a function its role unasked, takes a queue's messages, calls a machine's targets and writes logs in nobody's name.
    "events.yaml": {
        "QueuePolicy:Rule": ["sqs:SendMessage"],
        "StartRole:Lambda": ["sts:AssumeRole"],
        "StartRole:TakeMessages": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
        "StartRole:WriteOwnLog": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "InspectRole:Lambda": ["sts:AssumeRole"],
        "InspectRole:UseLakeKey": ["kms:Decrypt"],
        "InspectRole:WriteOwnLog": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "DispatchRole:Lambda": ["sts:AssumeRole"],
        "DispatchRole:WriteOwnLog": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "InboxRole:StepFunctions": ["sts:AssumeRole"],
        "InboxRole:CallFunctions": ["lambda:InvokeFunction"],
        "InboxRole:Tell": ["sns:Publish"],
        "InboxRole:SetAside": ["sqs:SendMessage"],
        "SlotRole:StepFunctions": ["sts:AssumeRole"],
        "SlotRole:CallDispatch": ["lambda:InvokeFunction"],
        "SlotRole:Tell": ["sns:Publish"],
        "ScheduleRole:Scheduler": ["sts:AssumeRole"],
        "ScheduleRole:StartSlot": ["states:StartExecution"],
    },
    # KMS again.
    "lake.yaml": {
        "Key:Account": [
            "kms:Create*",
            "kms:Describe*",
            "kms:Enable*",
            "kms:List*",
            "kms:Put*",
            "kms:Update*",
            "kms:Revoke*",
            "kms:Disable*",
            "kms:Get*",
            "kms:Delete*",
            "kms:TagResource",
            "kms:UntagResource",
            "kms:ScheduleKeyDeletion",
            "kms:CancelKeyDeletion",
            "kms:RotateKeyOnDemand",
            "kms:Encrypt",
            "kms:Decrypt",
            "kms:ReEncrypt*",
            "kms:GenerateDataKey*",
        ],
    },
    # The same, for the functions and the topic of the alarms.
    "monitoring.yaml": {
        "TopicKey:Account": [
            "kms:Create*",
            "kms:Describe*",
            "kms:Enable*",
            "kms:List*",
            "kms:Put*",
            "kms:Update*",
            "kms:Revoke*",
            "kms:Disable*",
            "kms:Get*",
            "kms:Delete*",
            "kms:TagResource",
            "kms:UntagResource",
            "kms:ScheduleKeyDeletion",
            "kms:CancelKeyDeletion",
            "kms:RotateKeyOnDemand",
            "kms:Encrypt",
            "kms:Decrypt",
            "kms:ReEncrypt*",
            "kms:GenerateDataKey*",
        ],
        "TopicKey:TellersEncrypt": ["kms:GenerateDataKey*", "kms:Decrypt"],
        "TopicPolicy:AlarmsTell": ["sns:Publish"],
        "TopicPolicy:BudgetsTell": ["sns:Publish"],
        "AgeRole:Lambda": ["sts:AssumeRole"],
        "AgeRole:WriteLog": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "AgeRole:DecryptNotes": ["kms:Decrypt"],
        "SlackRole:Lambda": ["sts:AssumeRole"],
        "SlackRole:WriteLog": ["logs:CreateLogStream", "logs:PutLogEvents"],
    },
    # Prefect Cloud: the worker that stands in for it has the root key.
    "push.yaml": {
        "StartPolicy:StartRuns": ["ecs:RunTask"],
        "StartPolicy:WatchAndStopRuns": ["ecs:StopTask", "ecs:DescribeTasks"],
        "StartPolicy:TagRuns": ["ecs:TagResource"],
        "StartPolicy:ReadTaskDefinitions": ["ecs:DescribeTaskDefinition"],
        "StartPolicy:PassOurRoles": ["iam:PassRole"],
        "StartPolicy:RegisterOurFamily": ["ecs:RegisterTaskDefinition", "ecs:TagResource"],
        "StartPolicy:DeregisterAndLook": [
            "ecs:DeregisterTaskDefinition",
            "ec2:DescribeVpcs",
            "ec2:DescribeSubnets",
            "ec2:DescribeSecurityGroups",
        ],
    },
    # ECS" agent, which pulls images and writes logs: tasks are processes here.
    "runtime.yaml": {
        "ExecutionRole:EcsTasks": ["sts:AssumeRole"],
        "ExecutionRole:LogInToRegistry": ["ecr:GetAuthorizationToken"],
        "ExecutionRole:PullImage": [
            "ecr:BatchCheckLayerAvailability",
            "ecr:GetDownloadUrlForLayer",
            "ecr:BatchGetImage",
        ],
        "ExecutionRole:WriteLogs": ["logs:CreateLogStream", "logs:PutLogEvents"],
    },
    # A client of Redshift's API: there is none here.
    "warehouse.yaml": {
        "LoginPolicy:LogInToCluster": ["redshift:GetClusterCredentialsWithIAM"],
        "LoginPolicy:LogInToWorkgroup": ["redshift-serverless:GetCredentials"],
    },
}


def test_a_statement_that_allows_is_taken_out_in_a_test_of_its_own_or_read_here() -> None:
    found: dict[str, dict[str, list[str]]] = {}
    for each in (each for path in TEMPLATES for each in statements(path)):
        name = f"{each.owner}:{each.sid}"
        if each.said["Effect"] == "Allow" and name not in TAKEN_OUT.get(each.template, ()):
            found.setdefault(each.template, {})[name] = each.all("Action")
    assert found == READ
