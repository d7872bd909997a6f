"""Certificates: what somebody else can check without trusting the engines. check.py is all that has to be trusted."""
