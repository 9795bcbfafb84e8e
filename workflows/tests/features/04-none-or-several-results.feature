# Ruling 4 of the template language.
Feature: jq that gives none or several results

  Scenario: No result is an error
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r04, version: 1.0.0 }
      do:
        - none: { set: { x: '${ empty }' } }
      """
    When the workflow is executed
    Then the workflow should fault with error:
      """yaml
      { type: https://serverlessworkflow.io/spec/1.0.0/errors/expression, status: 400, instance: /do/0/none }
      """

  Scenario: Of several the first counts
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r04, version: 1.0.0 }
      do:
        - several: { set: { x: '${ .list[] }' } }
      """
    And given the workflow input is:
      """yaml
      { list: [ 7, 8, 9 ] }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { x: 7 }
      """

  Scenario: What would come after the first is not evaluated
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r04, version: 1.0.0 }
      do:
        - several: { set: { x: '${ 1, error("never") }' } }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { x: 1 }
      """
