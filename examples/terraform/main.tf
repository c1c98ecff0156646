# A cluster from Terraform: a stack with one resource, made by the provider that is there already.
#
#     terraform init
#     terraform apply -var head_node_subnet=subnet-… -var compute_subnet=subnet-… -var key_name=…
#
# examples/many-clusters/provider.yaml makes the provider, whose export is read here. Terraform has no resource for a
# cluster of its own, and needs none: CloudFormation keeps the cluster's state, and `terraform destroy` deletes the stack
# with the cluster.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.40"
    }
  }
}

variable "name" {
  description = "Name of the stack; the cluster is c-NAME."
  type        = string
  default     = "hpc-terraform"
}

variable "head_node_subnet" {
  description = "Subnet of the head node."
  type        = string
}

variable "compute_subnet" {
  description = "Subnet of the compute nodes."
  type        = string
}

variable "key_name" {
  description = "EC2 key pair for the head node."
  type        = string
}

variable "max_count" {
  description = "Most compute nodes."
  type        = number
  default     = 4
}

# The name that provider.yaml gives its export unless told otherwise.
data "aws_cloudformation_export" "service_token" {
  name = "pcluster-service-token"
}

locals {
  # As in ParallelCluster's own files.
  configuration = {
    Image = { Os = "alinux2023" }
    HeadNode = {
      InstanceType = "m7i.large"
      Networking   = { SubnetId = var.head_node_subnet }
      Ssh          = { KeyName = var.key_name }
    }
    Scheduling = {
      Scheduler = "slurm"
      SlurmQueues = [{
        Name = "compute"
        ComputeResources = [{
          Name         = "nodes"
          InstanceType = "c7i.xlarge"
          MinCount     = 0
          MaxCount     = var.max_count
        }]
        Networking = { SubnetIds = [var.compute_subnet] }
      }]
    }
  }
}

resource "aws_cloudformation_stack" "cluster" {
  name = var.name
  tags = { Project = "hpc" }

  template_body = jsonencode({
    Resources = {
      Cluster = {
        Type = "Custom::PclusterCluster"
        Properties = {
          ServiceToken         = data.aws_cloudformation_export.service_token.value
          ServiceTimeout       = 3600
          ClusterName          = "c-${var.name}"
          ClusterConfiguration = local.configuration
        }
      }
    }
    Outputs = {
      ClusterName = { Value = { Ref = "Cluster" } }
      HeadNodeIp  = { Value = { "Fn::GetAtt" = ["Cluster", "headNode.publicIpAddress"] } }
    }
  })

  # CloudFormation waits an hour for the cluster, and another one for what it undoes.
  timeouts {
    create = "125m"
    update = "125m"
    delete = "65m"
  }
}

output "cluster_name" {
  value = aws_cloudformation_stack.cluster.outputs["ClusterName"]
}

output "head_node_ip" {
  value = aws_cloudformation_stack.cluster.outputs["HeadNodeIp"]
}
