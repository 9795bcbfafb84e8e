# Ruling 17 of the template language.
Feature: An error ends a fork, but not a race

  Scenario: The first error cancels the rest
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r17, version: 1.0.0 }
      do:
        - all: { fork: { branches: [ { slow: { wait: PT1M } }, { broken: { call: 'work:1.0.0@default' } } ] } }
      """
    And broken fails after PT1S with error:
      """yaml
      { type: communication, status: 503 }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      { status: 503, instance: /do/0/all/fork/branches/1/broken }
      """
    And slow should cancel
    And the workflow should take PT1S

  Scenario: In a race a branch that fails merely loses
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r17, version: 1.0.0 }
      do:
        - first: { fork: { compete: true, branches: [ { broken: { call: 'work:1.0.0@default' } }, { slow: { call: 'work:1.0.0@default' } } ] } }
      """
    And broken fails after PT1S with error:
      """yaml
      { type: communication, status: 503 }
      """
    And slow answers after PT5S:
      """yaml
      { slow: true }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { slow: true }
      """

  Scenario: When all fail, the first error goes up
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r17, version: 1.0.0 }
      do:
        - first: { fork: { compete: true, branches: [ { late: { call: 'work:1.0.0@default' } }, { early: { call: 'work:1.0.0@default' } } ] } }
      """
    And late fails after PT5S with error:
      """yaml
      { type: communication, status: 500 }
      """
    And early fails after PT1S with error:
      """yaml
      { type: communication, status: 503 }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      { status: 503 }
      """
    And the workflow should take PT5S

  Scenario: Of those that complete at the same time the first in the document wins
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r17, version: 1.0.0 }
      do:
        - first: { fork: { compete: true, branches: [ { red: { set: { color: red } } }, { blue: { set: { color: blue } } } ] } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { color: red }
      """
